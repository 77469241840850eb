"""The outbox: state and events commit together, or not at all."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm.exc import StaleDataError

from libs.chassis.clock import ManualClock
from libs.messaging.outbox import record
from libs.messaging.work import work_factory
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.example.lending.contracts import BookLent
from tests.integration.messaging.example.lending.model import Book

EVENTS = "SELECT type, subject, sequence FROM outbox ORDER BY position"


def added(database: Database, title: str = "Under the Yoke") -> UUID:
    with database.open_work() as work:
        book = Book.add(title)
        work.session.add(book)
    return book.id


def test_a_committed_deed_leaves_its_events_in_order(database: Database) -> None:
    with database.open_work() as work:
        book = Book.add("Under the Yoke")
        work.session.add(book)
        book.lend()
        book.lend()

    rows = [(row.type, row.sequence) for row in database.all(EVENTS)]
    assert rows == [("lending.book_added.v1", 1), ("lending.book_lent.v1", 2), ("lending.book_lent.v1", 3)]
    assert database.one("SELECT version FROM books") == 3


def test_a_deed_that_fails_leaves_neither_state_nor_events(database: Database) -> None:
    def deed() -> None:
        with database.open_work() as work:
            work.session.add(Book.add("Under the Yoke"))
            work.session.flush()
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        deed()

    assert database.all(EVENTS) == []
    assert database.one("SELECT count(*) FROM books") == 0


def test_an_undone_part_of_a_deed_leaves_no_events(database: Database) -> None:
    book_id = added(database)
    with database.open_work() as work:
        book = work.session.get_one(Book, book_id)
        part = work.session.begin_nested()
        book.lend()
        work.session.flush()
        part.rollback()
        part = work.session.begin_nested()
        book.lend()
        part.rollback()
        book.title = "Under the Yoke, second edition"

    assert [row.type for row in database.all(EVENTS)] == ["lending.book_added.v1"]
    assert database.one("SELECT times_lent FROM books") == 0


def test_of_two_deeds_at_once_on_one_aggregate_the_second_fails_and_leaves_no_event(database: Database) -> None:
    book_id = added(database)

    def deed() -> None:
        with database.open_work() as slow:
            book = slow.session.get_one(Book, book_id)
            with database.open_work() as quick:
                quick.session.get_one(Book, book_id).lend()
            book.lend()

    with pytest.raises(StaleDataError):
        deed()

    assert [row.sequence for row in database.all(EVENTS)] == [1, 2]
    assert database.one("SELECT times_lent FROM books") == 1


def test_a_change_without_an_event_is_guarded_too(database: Database) -> None:
    book_id = added(database)

    def deed() -> None:
        with database.open_work() as slow:
            book = slow.session.get_one(Book, book_id)
            with database.open_work() as quick:
                quick.session.get_one(Book, book_id).title = "Second edition"
            book.title = "Third edition"

    with pytest.raises(StaleDataError):
        deed()

    assert database.one("SELECT title FROM books") == "Second edition"


def test_reading_an_aggregate_leaves_its_version_alone(database: Database) -> None:
    book_id = added(database)
    with database.open_work() as work:
        assert work.session.get_one(Book, book_id).title
        work.session.flush()

    assert database.one("SELECT version FROM books") == 1


def test_events_carry_the_clock_the_correlation_and_the_cause_of_their_work(
    database: Database, clock: ManualClock
) -> None:
    open_work = work_factory(database.sessions, clock)
    with open_work(correlation_id="trace-1", causation_id="cause-1") as work:
        work.session.add(Book.add("Under the Yoke"))

    row = database.all("SELECT correlation_id, causation_id, occurred_at FROM outbox")[0]
    assert tuple(row) == ("trace-1", "cause-1", clock.now())


def test_an_event_without_an_aggregate_has_no_sequence(database: Database) -> None:
    subject = uuid4()
    with database.open_work() as work:
        record(work.session, BookLent(book_id=subject, times=1))

    assert [tuple(row) for row in database.all(EVENTS)] == [("lending.book_lent.v1", str(subject), None)]
