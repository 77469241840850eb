"""What is given up on is kept in the database, can be seen, given back and discarded, and none is lost on the way."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.contracts.dead_letters import (
    DeadLettersDealtWith,
)
from libs.messaging import dead_letters
from libs.messaging.jobs import Job, JobRunner
from libs.messaging.publisher import Publisher
from libs.messaging.replaying import UNSENDABLE, job
from libs.messaging.topology import (
    inner_exchange_of,
    queue_of,
)
from libs.messaging.work import Work
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.dead import (
    OPERATOR,
    declare,
    deeds,
    discard,
    letters_of,
    published,
    replay,
    shown,
    states,
)
from tests.integration.messaging.events import (
    LADDER,
    LENT,
    RunWorker,
    add_and_lend,
    broker_link,
    ignore,
    tallies,
)
from tests.integration.messaging.example.lending.contracts import BookAdded, BookLent
from tests.integration.messaging.example.lending.handlers import tally
from tests.support.builders.dead_letters import DIED, a_letter, keep_letters
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


class Fragile:
    """A handler that can be broken and mended."""

    def __init__(self) -> None:
        self.broken = True

    def handle(self, work: Work, event: BookLent) -> None:
        if self.broken:
            raise RuntimeError("Ivan Petrov, 8001014509")
        tally(work, event)


def test_what_is_given_up_on_is_kept_without_personal_data_and_can_be_replayed(
    database: Database, run_worker: RunWorker
) -> None:
    handler = Fragile()
    run_worker({BookLent: handler.handle, BookAdded: ignore})
    books = add_and_lend(database, books=3)
    eventually(lambda: len(letters_of(database)) == 3)

    letters = letters_of(database)
    first, thrown_away, last = letters
    assert {(one.reason, one.type, one.attempts) for one in letters} == {("given_up", LENT, len(LADDER) + 1)}
    assert first.handler.endswith("Fragile.handle")
    assert "RuntimeError" in first.error
    assert "Petrov" not in repr([shown(database, letter) for letter in letters])
    whole = shown(database, first)
    assert (whole.body_form, first.subject in str(whole.body)) == ("text", True)
    assert whole.headers["cloudEvents_type"] == LENT
    assert deeds(database, first) == [("died", "")]

    handler.broken = False
    assert replay(database, letter_ids=[first.id]) == DeadLettersDealtWith(count=1, left=0)
    assert eventually(lambda: len(tallies(database)) == 1)
    assert discard(database, letter_ids=[thrown_away.id], note="Сгрешена книга.").count == 1
    assert replay(database, reason="given_up", type=LENT).count == 1
    kept = {book: 1 for book in books if str(book) != thrown_away.subject}
    assert eventually(lambda: tallies(database) == kept)
    assert eventually(lambda: states(database) == {"replayed": 2, "discarded": 1})
    assert deeds(database, last) == [("died", ""), ("replay", OPERATOR), ("sent", "")]
    assert deeds(database, thrown_away) == [("died", ""), ("discard", OPERATOR)]
    assert shown(database, thrown_away).note == "Сгрешена книга."


def test_a_letter_that_dies_again_waits_again_with_its_history(database: Database, run_worker: RunWorker) -> None:
    handler = Fragile()
    run_worker({BookLent: handler.handle, BookAdded: ignore})
    add_and_lend(database)
    (letter,) = eventually(lambda: letters_of(database))

    replay(database, letter_ids=[letter.id], note="once more")

    assert eventually(lambda: letters_of(database)[0].attempts == 2 * (len(LADDER) + 1))
    (again,) = letters_of(database)
    assert (again.id, again.status, again.first_died_at) == (letter.id, "waiting", letter.first_died_at)
    assert again.last_died_at > letter.last_died_at
    assert [deed for deed, _ in deeds(database, again)] == ["died", "replay", "sent", "died"]

    handler.broken = False
    replay(database, letter_ids=[letter.id])
    assert eventually(lambda: len(tallies(database)) == 1)


@pytest.mark.timeout(120)
def test_a_hundred_letters_replayed_twice_have_each_effect_once(database: Database, run_worker: RunWorker) -> None:
    handler = Fragile()
    run_worker({BookLent: [handler.handle, steady], BookAdded: ignore})
    books = add_and_lend(database, books=100)
    eventually(lambda: len(letters_of(database)) == 100, 60)
    handler.broken = False
    done_before = letters_of(database)[:30]
    # what some handler has dealt with meanwhile: a copy of the event came through after all
    for letter in done_before:
        database.execute(
            "INSERT INTO inbox (message_id, handler) VALUES (:id, :handler)",
            id=UUID(letter.message_id),
            handler=letter.handler,
        )
    effects = database.one("SELECT count(*) FROM inbox WHERE handler LIKE '%steady'")

    first, second = replay(database, all_waiting=True), replay(database, all_waiting=True)

    assert (first.count, second.count) == (100, 0)
    assert eventually(lambda: states(database) == {"replayed": 100}, 30)
    fresh = {book for book in books if str(book) not in {letter.subject for letter in done_before}}
    assert eventually(lambda: tallies(database) == dict.fromkeys(fresh, 1), 30)
    assert database.one("SELECT count(*) FROM inbox WHERE handler LIKE '%steady'") == effects == 100
    audited = "SELECT deed, done_by, count(*) FROM dead_letter_deeds GROUP BY deed, done_by ORDER BY deed"
    expected = [("died", "", 100), ("replay", OPERATOR, 100), ("sent", "", 100)]
    assert [tuple(row) for row in database.all(audited)] == expected


def steady(work: Work, event: BookLent) -> None:
    assert work.session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_crash_between_sending_and_marking_sends_twice_and_changes_nothing(
    database: Database, run_worker: RunWorker, broker: TestBroker
) -> None:
    handler = Fragile()
    worker = run_worker({BookLent: handler.handle, BookAdded: ignore})
    (book,) = add_and_lend(database)
    (letter,) = eventually(lambda: letters_of(database))
    handler.broken = False
    worker._runners[dead_letters.JOB].stop()
    replay(database, letter_ids=[letter.id])

    with published(broker.url) as publisher:
        replaying = job("lending", publisher)
        with pytest.raises(RuntimeError, match="power"):
            send_and_crash(database, replaying)
        assert letters_of(database)[0].status == "replaying"
        eventually(lambda: tallies(database) == {book: 1})
        JobRunner(replaying, database.open_work).run_once()
        assert JobRunner(replaying, database.open_work).run_once() is False

    assert letters_of(database)[0].status == "replayed"
    with broker_link(broker.url) as link:
        assert eventually(lambda: link.channel.queue_declare(queue_of("lending"), passive=True).message_count == 0)
    assert tallies(database) == {book: 1}


def send_and_crash(database: Database, replaying: Job) -> None:
    with database.open_work() as work:
        replaying.run(work)
        raise RuntimeError("the power went off")


def test_letters_wait_in_line_while_the_broker_is_away(database: Database, broker: TestBroker) -> None:
    letter = keep_one(database)
    replay(database, letter_ids=[letter])
    publisher = Publisher("amqp://guest:guest@127.0.0.1:9/", name="nowhere")

    assert JobRunner(job("lending", publisher), database.open_work).run_once() is False

    assert letters_of(database)[0].status == "replaying"


def keep_one(database: Database, *, queue: str = "lending.events.heard") -> UUID:
    return keep_letters(database.open_work, a_letter(queue=queue))[0]


@pytest.mark.parametrize("header", [2**63, [1] * 30_000], ids=["a number of 64 bits", "more than a frame holds"])
def test_a_letter_that_cannot_be_written_is_put_back_and_the_others_go_out(
    database: Database, broker: TestBroker, header: object
) -> None:
    queue = queue_of("lending")
    odd = a_letter(queue=queue, died_at=DIED - timedelta(days=1), odd=header)
    odd_id, *fine = keep_letters(database.open_work, odd, a_letter(queue=queue), a_letter(queue=queue, far=1e19))
    assert replay(database, all_waiting=True).count == 3
    declare(broker.url)

    with published(broker.url) as publisher:
        JobRunner(job("lending", publisher), database.open_work).run_once()

    assert states(database) == {"waiting": 1, "replayed": 2}
    assert {letter.id for letter in letters_of(database, status="replayed")} == set(fine)
    (letter,) = letters_of(database, status="waiting")
    assert (letter.id, letter.replayable) == (odd_id, False)
    assert letter.error == f"{UNSENDABLE}; {odd.values['error']}"
    assert deeds(database, letter) == [("died", ""), ("replay", OPERATOR), ("unsendable", "")]
    with broker_link(broker.url) as link:
        assert eventually(lambda: link.channel.queue_declare(queue, passive=True).message_count == 2)
        given = [link.channel.basic_get(queue, no_ack=True).headers.get("far") for _ in fine]
    assert sorted(given, key=repr) == [1e19, None]
    assert isinstance(given[given.index(1e19)], float)
    assert discard(database, letter_ids=[odd_id], note="Сгрешено заглавие.").count == 1


def test_a_letter_that_has_nowhere_to_go_stays_in_line(database: Database, broker: TestBroker) -> None:
    letter = keep_one(database)
    replay(database, letter_ids=[letter])
    with broker_link(broker.url) as link:
        link.channel.exchange_declare(inner_exchange_of("lending"), "direct", durable=True, auto_delete=False)

    with published(broker.url) as publisher:
        assert JobRunner(job("lending", publisher), database.open_work).run_once() is False

    assert letters_of(database)[0].status == "replaying"
