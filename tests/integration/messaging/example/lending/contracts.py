"""What the example publishes; kept out of the register of the product's events."""

from uuid import UUID

from libs.contracts.base import EVENTS, Event, contract, event


@contract
class AddBook:
    """Puts a book on the shelf."""

    title: str


@contract
class LendBook:
    """Lends a book."""

    book_id: UUID


@contract
class Misbehave:
    """Makes the service fail in one of several ways."""

    how: str


@contract
class GetBook:
    """Asks for one book."""

    book_id: UUID


@contract
class Pause:
    """Asks the database to wait."""

    seconds: float


@contract
class BookView:
    """A book."""

    id: UUID
    title: str
    times_lent: int


@event("lending.book_added.v1", subject="book_id")
class BookAdded(Event):
    """A book stands on the shelf."""

    book_id: UUID
    title: str


@event("lending.book_lent.v1", subject="book_id")
class BookLent(Event):
    """A book was lent."""

    book_id: UUID
    times: int


for declared in (BookAdded, BookLent):
    EVENTS.pop(declared.TYPE)
