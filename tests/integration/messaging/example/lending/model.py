"""The example's tables."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.database import ServiceBase, new_metadata
from libs.chassis.ids import new_id
from libs.messaging.outbox import Aggregate

from .contracts import BookAdded, BookLent


class Base(ServiceBase):
    __abstract__ = True
    metadata = new_metadata()


class Book(Aggregate, Base):
    """A book and how often it was lent."""

    __tablename__ = "books"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    times_lent: Mapped[int]

    @classmethod
    def add(cls, title: str) -> "Book":
        book = cls(id=new_id(), title=title, times_lent=0)
        book.record(BookAdded(book_id=book.id, title=title))
        return book

    def lend(self) -> None:
        self.times_lent += 1
        self.record(BookLent(book_id=self.id, times=self.times_lent))


class Tally(Base):
    """How many loans of a book were heard of: the effect of the example's handler."""

    __tablename__ = "tallies"

    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    heard: Mapped[int]
