"""What the tests of events share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from sqlalchemy import text

from libs.chassis.ids import new_id
from libs.messaging import envelope
from libs.messaging.envelope import Envelope
from libs.messaging.link import Link
from libs.messaging.work import Work
from libs.messaging.worker import Subscriptions, Worker
from tests.integration.messaging.example.lending.contracts import BookAdded, BookLent
from tests.integration.messaging.example.lending.handlers import tally
from tests.integration.messaging.example.lending.model import Book

if TYPE_CHECKING:
    from tests.integration.messaging.conftest import Database

LADDER = (0.2, 0.4)
LENT = "lending.book_lent.v1"
UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"

RunWorker = Callable[..., Worker]


def add_and_lend(database: "Database", books: int = 1, loans: int = 1) -> list[UUID]:
    with database.open_work() as work:
        shelf = [Book.add(f"Book {number}") for number in range(books)]
        work.session.add_all(shelf)
        for book in shelf:
            for _ in range(loans):
                book.lend()
    return [book.id for book in shelf]


def tallies(database: "Database") -> dict[UUID, int]:
    return {row.book_id: row.heard for row in database.all("SELECT book_id, heard FROM tallies")}


def ignore(work: Work, event: BookAdded) -> None:
    assert work.session.execute(text("SELECT 1")).scalar_one() == 1


HEAR: Subscriptions = {BookLent: tally, BookAdded: ignore}


def an_event(book_id: UUID | None = None, **attributes: Any) -> Envelope:
    subject = book_id or uuid4()
    return Envelope(
        **{
            "id": new_id(),
            "type": LENT,
            "source": "lending",
            "subject": str(subject),
            "time": BEGINNING,
            "correlation_id": "trace-9",
            "causation_id": None,
            "sequence": 1,
            "data": {"book_id": str(subject), "times": 1},
            **attributes,
        }
    )


BEGINNING = datetime(2026, 11, 1, 10, tzinfo=UTC)


@contextmanager
def broker_link(url: str) -> Iterator[Link]:
    link = Link(url, name="test")
    link.open()
    yield link
    link.close()


def publish(url: str, *events: Envelope) -> None:
    with broker_link(url) as link:
        for event in events:
            link.publish("lending.events", event.type, envelope.body_of(event), envelope.properties_of(event))
