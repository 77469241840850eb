"""What becomes of dead letters in time, and what is counted of them."""

from __future__ import annotations

import math
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.chassis.clock import ManualClock
from libs.contracts.dead_letters import DeadLetterView, DiscardDeadLetters, ListDeadLetters, ReplayDeadLetters
from libs.contracts.errors import Invalid, NotFound
from libs.messaging import dead_letters, housekeeping
from libs.messaging.figures import Figures
from libs.messaging.letters import of_event, pack, unpack
from libs.messaging.work import WorkFactory, work_factory
from tests.integration.messaging.conftest import Database
from tests.support.builders.dead_letters import DIED, a_letter, an_envelope, buried, keep_letters

BY = "vanya@desk"


@pytest.fixture
def open_work(database: Database, clock: ManualClock) -> WorkFactory:
    return work_factory(database.sessions, clock)


def listed(open_work: WorkFactory, **wanted: object) -> list[DeadLetterView]:
    with open_work() as work:
        return dead_letters.list_letters(work, ListDeadLetters(**{"status": "", **wanted})).items  # type: ignore[arg-type]


def discard(open_work: WorkFactory, *letters: UUID) -> None:
    with open_work() as work:
        dead_letters.discard(work, DiscardDeadLetters(letter_ids=list(letters), note="x"), done_by=BY)


def sweep(open_work: WorkFactory) -> None:
    for _ in range(10):
        with open_work() as work:
            if not housekeeping.sweep(work):
                return


def test_letters_that_were_dealt_with_are_deleted_in_time_and_those_that_wait_never(
    database: Database, open_work: WorkFactory, clock: ManualClock
) -> None:
    waiting, discarded = keep_letters(open_work, a_letter(), a_letter())
    discard(open_work, discarded)

    clock.advance(timedelta(days=91))
    sweep(open_work)
    assert [letter.id for letter in listed(open_work)] == [waiting]
    assert database.one("SELECT count(*) FROM dead_letter_deeds WHERE letter_id = :id", id=discarded) == 2

    clock.advance(timedelta(days=365 * 2))
    sweep(open_work)
    assert [letter.id for letter in listed(open_work)] == [waiting]
    assert database.one("SELECT count(*) FROM dead_letter_deeds WHERE letter_id = :id", id=discarded) == 0
    assert database.one("SELECT count(*) FROM dead_letter_deeds WHERE letter_id = :id", id=waiting) == 1


def test_receipts_are_kept_as_long_as_a_replay_would_need_them(
    database: Database, open_work: WorkFactory, clock: ManualClock
) -> None:
    event, other = an_envelope(), uuid4()
    (letter,) = keep_letters(open_work, of_event("lending.events.heard", buried(event), DIED))
    for message in (event.id, other):
        database.execute(
            "INSERT INTO inbox (message_id, handler, handled_at) VALUES (:id, 'steady', :at)",
            id=message,
            at=clock.now(),
        )

    clock.advance(timedelta(days=200))
    sweep(open_work)
    assert database.all("SELECT message_id FROM inbox") == [(event.id,)]

    discard(open_work, letter)
    sweep(open_work)
    assert database.all("SELECT message_id FROM inbox") == []


def test_letters_are_paged_without_gaps_and_a_foreign_token_is_refused(open_work: WorkFactory) -> None:
    ids = keep_letters(open_work, *(a_letter(died_at=DIED + timedelta(seconds=second // 2)) for second in range(7)))
    found: list[UUID] = []
    token: str | None = None
    for _ in range(10):
        with open_work() as work:
            page = dead_letters.list_letters(work, ListDeadLetters(page_size=2, page_token=token))
        found += [letter.id for letter in page.items]
        token = page.next_page_token
        if token is None:
            break

    assert sorted(found) == sorted(ids)
    assert len(found) == len(set(found))
    for wrong in ("x", "~", f"2026-01-01~{uuid4()}", "2026-01-01T00:00:00+00:00~x"):
        with pytest.raises(Invalid):
            listed(open_work, page_token=wrong)


def test_nothing_is_dealt_with_that_nobody_named(open_work: WorkFactory) -> None:
    keep_letters(open_work, a_letter())
    with pytest.raises(Invalid), open_work() as work:
        dead_letters.replay(work, ReplayDeadLetters(), done_by=BY)
    with pytest.raises(Invalid), open_work() as work:
        dead_letters.discard(work, DiscardDeadLetters(all_waiting=True, note="  "), done_by=BY)
    with pytest.raises(NotFound), open_work() as work:
        dead_letters.replay(work, ReplayDeadLetters(letter_ids=[uuid4()]), done_by=BY)
    assert [letter.status for letter in listed(open_work)] == ["waiting"]


def test_what_waits_is_counted_by_reason_and_is_no_number_while_the_database_is_away(
    database: Database, open_work: WorkFactory
) -> None:
    figures = Figures(database.engine, keep=0)
    assert (figures.unpublished(), figures.letters(), figures.oldest_letter()) == (0, {}, 0)
    first, _, _ = keep_letters(open_work, a_letter(), a_letter(), a_letter(reason="not_json"))
    discard(open_work, first)

    assert figures.letters() == {"given_up": 1, "not_json": 1}
    assert figures.oldest_letter() > 0

    database.execute("ALTER TABLE dead_letters RENAME TO taken_away")
    assert figures.letters() is None
    assert math.isnan(figures.oldest_letter())
    assert math.isnan(figures.unpublished())


def test_headers_come_back_as_they_were() -> None:
    odd = {"a": b"\xff", "b": "x\x00", "c": 1.5, "d": float("inf"), "e": [None, {"$bytes": "kept"}], "f": {"g": {}}}
    assert unpack(pack(odd)) == odd
    assert "\\u0000" not in repr(pack(odd))


def test_a_body_that_is_too_long_is_kept_in_part_and_cannot_be_replayed(open_work: WorkFactory) -> None:
    delivery = buried(an_envelope())
    delivery.body = b"x" * (1024 * 1024 + 1)
    keep_letters(open_work, of_event("lending.events.heard", delivery, DIED))

    (letter,) = listed(open_work)

    assert (letter.size, letter.replayable) == (1024 * 1024 + 1, False)


def replay_and_crash(open_work: WorkFactory, letter: UUID) -> None:
    with open_work() as work:
        dead_letters.replay(work, ReplayDeadLetters(letter_ids=[letter]), done_by=BY)
        raise RuntimeError("the power went off")


def test_deeds_and_letters_are_written_in_one_transaction(database: Database, open_work: WorkFactory) -> None:
    (letter,) = keep_letters(open_work, a_letter())
    with pytest.raises(RuntimeError, match="power"):
        replay_and_crash(open_work, letter)
    assert [one.status for one in listed(open_work)] == ["waiting"]
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM dead_letter_deeds")) == 1
