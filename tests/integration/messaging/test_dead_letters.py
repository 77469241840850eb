"""What is given up on is kept in the database, can be seen, given back and discarded, and none is lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from libs.contracts.dead_letters import (
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.contracts.errors import Conflict
from libs.messaging import dead_letters, envelope
from libs.messaging.envelope import Envelope
from libs.messaging.jobs import Job, JobRunner
from libs.messaging.keeper import Keeper
from libs.messaging.link import Delivery
from libs.messaging.notes import Notes
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.replaying import job
from libs.messaging.topology import (
    dead_queue_of,
    declare_hearing,
    declare_rpc,
    inner_exchange_of,
    queue_of,
    rpc_dead_queue_of,
)
from libs.messaging.work import Work
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.events import (
    HEAR,
    LADDER,
    LENT,
    RunWorker,
    add_and_lend,
    an_event,
    broker_link,
    ignore,
    tallies,
)
from tests.integration.messaging.example.lending.contracts import BookAdded, BookLent
from tests.integration.messaging.example.lending.handlers import tally
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

OPERATOR = "vanya@desk"


def letters_of(database: Database, **wanted: Any) -> list[DeadLetterView]:
    with database.open_work() as work:
        return dead_letters.list_letters(work, ListDeadLetters(**{"status": "", "page_size": 200, **wanted})).items


def shown(database: Database, letter: DeadLetterView) -> DeadLetterView:
    with database.open_work() as work:
        return dead_letters.show(work, GetDeadLetter(letter_id=letter.id))


def replay(database: Database, **chosen: Any) -> DeadLettersDealtWith:
    with database.open_work() as work:
        return dead_letters.replay(work, ReplayDeadLetters(**chosen), done_by=OPERATOR)


def discard(database: Database, **chosen: Any) -> DeadLettersDealtWith:
    with database.open_work() as work:
        return dead_letters.discard(work, DiscardDeadLetters(**chosen), done_by=OPERATOR)


def states(database: Database) -> Counter[str]:
    return Counter(letter.status for letter in letters_of(database))


def deeds(database: Database, letter: DeadLetterView) -> list[tuple[str, str]]:
    return [(deed.deed, deed.done_by) for deed in reversed(shown(database, letter).history)]


@contextmanager
def published(url: str) -> Iterator[Publisher]:
    publisher = Publisher(url, name="test")
    publisher.start()
    assert publisher.wait_connected(10)
    try:
        yield publisher
    finally:
        publisher.stop()


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
    from tests.support.builders.dead_letters import a_letter, keep_letters

    return keep_letters(database.open_work, a_letter(queue=queue))[0]


def test_a_letter_that_has_nowhere_to_go_stays_in_line(database: Database, broker: TestBroker) -> None:
    letter = keep_one(database)
    replay(database, letter_ids=[letter])
    with broker_link(broker.url) as link:
        link.channel.exchange_declare(inner_exchange_of("lending"), "direct", durable=True, auto_delete=False)

    with published(broker.url) as publisher:
        assert JobRunner(job("lending", publisher), database.open_work).run_once() is False

    assert letters_of(database)[0].status == "replaying"


# --- the keeper -------------------------------------------------------------------------------------------------


def bury(url: str, *events: Envelope, **headers: Any) -> None:
    """Put events among the dead as the consumer does, confirmed."""
    parcels = []
    for event in events:
        properties = envelope.properties_of(event)
        stamp = {**properties["application_headers"], "x-reason": "given_up", **headers}
        parcels.append(
            Parcel(
                exchange=inner_exchange_of("lending"),
                routing_key=dead_queue_of("lending"),
                body=envelope.body_of(event),
                properties={**properties, "application_headers": stamp},
            )
        )
    put(url, *parcels)


def put(url: str, *parcels: Parcel) -> None:
    """Publish, confirmed: what is not may be lost when its connection closes."""
    with published(url) as publisher:
        assert set(publisher.publish(parcels, timeout=10)) == {Outcome.SENT}


def send(url: str, *messages: tuple[str, bytes, dict[str, Any]]) -> None:
    """Send messages of these routing keys, bodies and properties to whoever hears them."""
    put(
        url,
        *(
            Parcel(exchange="lending.events", routing_key=key, body=body, properties=properties)
            for key, body, properties in messages
        ),
    )


def declare(url: str) -> None:
    with broker_link(url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        declare_rpc(link.channel, "lending")


@contextmanager
def keeping(database: Database, url: str) -> Iterator[Keeper]:
    def declare_all(channel: Any) -> None:
        declare_hearing(channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        declare_rpc(channel, "lending")

    keeper = Keeper("lending", url, open_work=database.open_work, declare=declare_all)
    keeper.start()
    try:
        yield keeper
    finally:
        assert keeper.stop(10)


def test_the_same_death_told_twice_is_one_death(database: Database, broker: TestBroker, client: Client) -> None:
    declare(broker.url)
    event = an_event()
    for died_at in ("2026-11-01T10:00:00+00:00", "2026-11-01T10:00:00+00:00", "2026-11-01T10:30:00+00:00"):
        bury(broker.url, event, **{"x-died-at": died_at})

    with keeping(database, broker.url):
        assert eventually(lambda: client.depth(dead_queue_of("lending")) == 0 and letters_of(database))

    (letter,) = letters_of(database)
    assert (letter.attempts, letter.last_died_at.hour, letter.last_died_at.minute) == (2, 10, 30)
    assert deeds(database, letter) == [("died", ""), ("died", "")]


def test_while_the_database_is_away_no_letter_is_lost(
    database: Database, broker: TestBroker, client: Client, ground: Ground
) -> None:
    declare(broker.url)
    with keeping(database, broker.url):
        bury(broker.url, *(an_event() for _ in range(20)))
        eventually(lambda: len(letters_of(database)) == 20)
        with away(database, ground):
            bury(broker.url, *(an_event() for _ in range(130)))
            assert eventually(lambda: client.depth(dead_queue_of("lending")) == 80), "50 in hand, none acknowledged"

        assert eventually(lambda: len(letters_of(database)) == 150, 20)
    assert client.depth(dead_queue_of("lending")) == 0


@contextmanager
def away(database: Database, ground: Ground) -> Iterator[None]:
    """No connection to the database is left, and none can be made."""
    name = str(database.engine.url.database)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(ground.postgres.admin_url, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_the_queue_of_the_dead_may_vanish_while_letters_arrive(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    worker = run_worker(HEAR)
    eventually(lambda: worker.keeper.consuming)
    for number in range(5):
        with broker_link(broker.url) as link:
            link.channel.queue_delete(dead_queue_of("lending"))
            send(broker.url, *((LENT, b"no JSON", envelope.properties_of(an_event())) for _ in range(20)))
        assert eventually(lambda so_far=20 * (number + 1): len(letters_of(database)) == so_far, 30)

    assert {letter.reason for letter in letters_of(database)} == {"not_json"}


def test_what_the_broker_itself_moves_among_the_dead_is_understood(database: Database, broker: TestBroker) -> None:
    declare(broker.url)
    event = an_event()
    with broker_link(broker.url) as link:
        got: list[Delivery] = []
        link.consume(queue_of("lending"), got.append, prefetch=1)
        send(broker.url, (LENT, envelope.body_of(event), envelope.properties_of(event)))
        eventually(lambda: link.read(0.05) or got)
        got[0].reject()

    with keeping(database, broker.url):
        (letter,) = eventually(lambda: letters_of(database))

    assert (letter.reason, letter.type, letter.message_id) == ("rejected", LENT, str(event.id))
    assert letter.replayable


def test_anything_at_all_can_be_kept_shown_and_given_back(
    database: Database, broker: TestBroker, client: Client
) -> None:
    declare(broker.url)
    odd = {
        "bytes": b"\xff\x00",
        "nothing": None,
        "a time": datetime(2026, 3, 2, tzinfo=UTC),
        "a sum": Decimal("1.25"),
        "nested": {"$text": [1, "two\x00", {"3": True}]},
        "huge": "x" * 5_000,
        "x-reason": "given\x00up",
    }
    dead = {"exchange": inner_exchange_of("lending"), "routing_key": dead_queue_of("lending")}
    put(
        broker.url,
        Parcel(**dead, body=b"\xff\x00", properties={"message_id": "0"}),
        Parcel(**dead, body=b"\xf0 odd", properties={"application_headers": odd, "message_id": "1"}),
    )
    client.publish(dead["routing_key"], b"damaged", exchange=dead["exchange"], reply_to=b"\xff")

    with keeping(database, broker.url):
        letters = eventually(lambda: len(found := letters_of(database)) == 3 and found)

    whole = {letter.size: shown(database, letter) for letter in letters}
    assert (whole[2].body_form, whole[2].body) == ("base64", "/wA=")
    assert (whole[5].reason, len(whole[5].headers["huge"])) == ("given\ufffdup", 2_000)
    assert (whole[7].reason, whole[7].replayable) == ("damaged_properties", False)
    assert replay(database, all_waiting=True) == DeadLettersDealtWith(count=2, left=1)
    with published(broker.url) as publisher:
        JobRunner(job("lending", publisher), database.open_work).run_once()
    again = [client.get(queue_of("lending")) for _ in range(2)]
    headers = next(got[0].headers for got in again if got and "bytes" in got[0].headers)
    headers.pop("x-delivery-count", None)
    assert {name: value for name, value in headers.items() if name != "a time"} == {
        name: value for name, value in odd.items() if name not in ("a time", "x-reason")
    }
    assert {got[1] for got in again if got} == {b"\xff\x00", b"\xf0 odd"}


def test_of_a_request_only_its_outline_is_kept(database: Database, broker: TestBroker, client: Client) -> None:
    declare(broker.url)
    secret = b'{"kwargs": {"request": {"password": "four quiet rivers"'
    with broker_link(broker.url) as link:
        notes = Notes(link, "lending")
        for _ in range(3):
            headers = {"nameko.principal": "eyJ-secret"}
            properties = {"content_type": "application/json", "application_headers": headers}
            request = Delivery(
                link=link, tag=0, redelivered=False, exchange="nameko-rpc", routing_key="lending.lend",
                properties=properties, body=secret,
            )  # fmt: skip
            notes.write(request, "not_json")
        eventually(lambda: link.read(0.05) or not notes._waiting)
    # a whole request, as a broker would move it
    died = {"x-death": [{"reason": "delivery_limit", "queue": "rpc-lending", "routing-keys": ["lending.add"]}]}
    properties = {"application_headers": died, "message_id": "1"}
    dead = {"exchange": inner_exchange_of("lending"), "routing_key": rpc_dead_queue_of("lending")}
    put(broker.url, Parcel(**dead, body=secret, properties=properties))

    with keeping(database, broker.url):
        eventually(lambda: client.depth(rpc_dead_queue_of("lending")) == 0)
        letters = eventually(lambda: len(found := letters_of(database)) == 2 and found)

    told = {(one.type, one.reason, one.attempts, one.size, one.replayable) for one in letters}
    assert told == {
        ("lending.lend", "not_json", 3, len(secret), False),
        ("lending.add", "delivery_limit", 1, len(secret), False),
    }
    everything = repr([shown(database, letter) for letter in letters])
    assert "rivers" not in everything
    assert "eyJ-secret" not in everything
    with pytest.raises(Conflict) as refused:
        replay(database, letter_ids=[letters[0].id])
    assert refused.value.code == "cannot_be_replayed"
    assert replay(database, all_waiting=True) == DeadLettersDealtWith(count=0, left=2)
    assert discard(database, all_waiting=True, note="Програмата е поправена.").count == 2
