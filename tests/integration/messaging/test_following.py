"""One id follows a deed through the units of work that it takes."""

import pytest

from libs.chassis.logging import correlated, correlation_id
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.example.lending.model import Book

IDS = "SELECT correlation_id FROM outbox ORDER BY position"


def test_units_of_work_opened_inside_a_deed_belong_to_it(database: Database) -> None:
    with correlated("the deed"):
        for title in ("Under the Yoke", "Time of Parting"):
            with database.open_work() as work:
                work.session.add(Book.add(title))
    assert [row.correlation_id for row in database.all(IDS)] == ["the deed", "the deed"]


def test_deeds_of_nobody_have_ids_of_their_own(database: Database) -> None:
    for title in ("Under the Yoke", "Time of Parting"):
        with database.open_work() as work:
            work.session.add(Book.add(title))
    first, second = [row.correlation_id for row in database.all(IDS)]
    assert first != second


def test_one_unit_of_work_may_end_the_deeds_of_several(database: Database) -> None:
    with database.open_work(correlation_id="the job") as work:
        for deed in ("first", None, "second"):
            with work.following(deed):
                assert correlation_id.get() == deed
                work.session.add(Book.add(deed or "of the job"))
        work.session.add(Book.add("afterwards"))
    assert [row.correlation_id for row in database.all(IDS)] == ["first", "the job", "second", "the job"]


def test_a_failure_leaves_the_id_as_it_was(database: Database) -> None:
    def fail() -> None:
        with database.open_work(correlation_id="the job") as work:
            with pytest.raises(ZeroDivisionError), work.following("first"):
                raise ZeroDivisionError
            assert work.correlation_id == "the job"

    fail()
    assert correlation_id.get() is None
