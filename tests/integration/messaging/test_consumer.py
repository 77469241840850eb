"""What the consumer does with events that cannot be handled, or not yet."""

import threading
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.messaging import envelope
from libs.messaging.link import Link
from libs.messaging.topology import declare_hearing, queue_of, suspect_queue_of
from libs.messaging.work import Work
from libs.messaging.worker import Worker
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
    publish,
    tallies,
)
from tests.integration.messaging.example.lending.contracts import BookAdded, BookLent
from tests.integration.messaging.example.lending.handlers import tally
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


def poison(**changes: Any) -> dict[str, Any]:
    properties = envelope.properties_of(an_event())
    headers = {**properties["application_headers"], **changes.pop("headers", {})}
    return {**properties, "application_headers": headers, **changes}


POISON = {
    "not JSON": (b'{"book', poison(), "not_json"),
    "no text at all": (b"\xff\x00", poison(), "not_json"),
    "a list": (b"[]", poison(), "not_an_object"),
    "no properties": (b"{}", {}, "wrong_content_type"),
    "a pickle": (b"\x80", poison(content_type="application/x-python-serialize"), "wrong_content_type"),
    "a bare nameko event": (b"{}", {"content_type": "application/json"}, "no_cloud_event"),
    "an unknown type": (b"{}", poison(headers={"cloudEvents_type": "lending.burnt.v1"}), "unknown_type"),
    "an unknown version": (b"{}", poison(headers={"cloudEvents_type": "lending.book_lent.v9"}), "unknown_type"),
    "an id that is none": (b"{}", poison(headers={"cloudEvents_id": "17"}), "wrong_attribute"),
    "a time without a zone": (b"{}", poison(headers={"cloudEvents_time": "2026-11-01T10:00:00"}), "wrong_attribute"),
    "a text for a sequence": (b"{}", poison(headers={"cloudEvents_sequence": "two"}), "wrong_attribute"),
    "a missing field": (b'{"book_id": "0193b0a0-0000-7000-8000-000000000001"}', poison(), "invalid_data"),
}


def test_poison_goes_to_the_dead_letters_at_once_and_its_neighbours_are_handled(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    run_worker(HEAR)
    neighbours = [an_event() for _ in POISON]
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        for (body, properties, _), neighbour in zip(POISON.values(), neighbours, strict=True):
            link.publish("lending.inner", queue_of("lending"), body, properties)
            link.publish(
                "lending.events", neighbour.type, envelope.body_of(neighbour), envelope.properties_of(neighbour)
            )
    client.publish(queue_of("lending"), b"{}", exchange="lending.inner", reply_to=b"\xff")

    assert eventually(lambda: tallies(database) == {UUID(one.subject): 1 for one in neighbours})
    assert eventually(lambda: database.one("SELECT count(*) FROM dead_letters") == len(POISON) + 1)
    letters = database.all("SELECT reason, body FROM dead_letters")
    expected = Counter([reason for _, _, reason in POISON.values()] + ["damaged_properties"])
    assert Counter(letter.reason for letter in letters) == expected
    bodies = sorted([*(body for body, _, _ in POISON.values()), b"{}"])
    assert sorted(bytes(letter.body) for letter in letters) == bodies


@pytest.mark.parametrize(
    ("exchange", "routing_key"),
    [("orders.events", LENT), ("lending.events", BookAdded.TYPE)],
    ids=["on another's exchange", "under another type's key"],
)
def test_an_event_that_says_it_is_another_than_its_way_allows_is_dead(
    database: Database, broker: TestBroker, run_worker: RunWorker, exchange: str, routing_key: str
) -> None:
    run_worker(HEAR)
    forged = an_event()
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        link.channel.queue_bind(queue_of("lending"), exchange, routing_key)
        link.publish(exchange, routing_key, envelope.body_of(forged), envelope.properties_of(forged))

    assert eventually(lambda: database.all("SELECT reason FROM dead_letters")) == [("wrong_sender",)]
    assert tallies(database) == {}


def test_a_sender_cannot_forge_the_number_of_attempts(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    attempts: list[int] = []

    def fail(work: Work, event: BookLent) -> None:
        attempts.append(1)
        raise RuntimeError("always")

    run_worker({BookLent: fail, BookAdded: ignore})
    event = an_event()
    properties = envelope.properties_of(event)
    headers = {**properties["application_headers"], "x-attempt": -1_000}
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        link.publish("lending.events", LENT, envelope.body_of(event), {**properties, "application_headers": headers})

    assert eventually(lambda: database.all("SELECT reason FROM dead_letters")) == [("given_up",)]
    assert len(attempts) == len(LADDER) + 1


def test_what_was_in_hand_at_a_death_is_handled_once_and_nothing_stays_suspect(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    events = [an_event() for _ in range(10)]
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
    publish(broker.url, *events)
    victim, taken = Link(broker.url, name="victim"), list[Any]()
    victim.open()
    victim.consume(queue_of("lending"), taken.append, prefetch=10)

    def all_in_hand() -> bool:
        victim.read(0.1)
        return len(taken) == 10

    assert eventually(all_in_hand)
    victim.abort()

    run_worker(HEAR)

    assert eventually(lambda: tallies(database) == {UUID(one.subject): 1 for one in events})
    queues = [queue_of("lending"), suspect_queue_of("lending")]
    assert eventually(lambda: [client.depth(queue) for queue in queues] == [0, 0])
    assert database.one("SELECT count(*) FROM dead_letters") == 0


def test_a_handler_that_fails_twice_succeeds_at_the_third_attempt(database: Database, run_worker: RunWorker) -> None:
    attempts: list[int] = []

    def stumble(work: Work, event: BookLent) -> None:
        tally(work, event)
        attempts.append(len(attempts) + 1)
        if len(attempts) < 3:
            raise RuntimeError("not yet")

    run_worker({BookLent: stumble, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {book_id: 1})
    assert attempts == [1, 2, 3]


def test_when_one_of_two_handlers_fails_the_other_is_not_run_again(database: Database, run_worker: RunWorker) -> None:
    ran: list[str] = []

    def steady(work: Work, event: BookLent) -> None:
        ran.append("steady")

    def shaky(work: Work, event: BookLent) -> None:
        ran.append("shaky")
        if ran.count("shaky") == 1:
            raise RuntimeError("not yet")

    run_worker({BookLent: [shaky, steady], BookAdded: ignore})
    add_and_lend(database)

    assert eventually(lambda: Counter(ran) == {"steady": 1, "shaky": 2})


def test_the_broker_itself_ends_a_loop_that_our_rules_do_not_see(broker: TestBroker, client: Client) -> None:
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT}, ladder=LADDER)
    publish(broker.url, an_event())
    taken = 0
    for _ in range(40):
        got: list[Any] = []
        link = Link(broker.url, name="crashing")
        link.open()
        link.consume(queue_of("lending"), got.append, prefetch=1)
        eventually(lambda link=link: link.read(0.1) or True)
        if not got:
            eventually(lambda link=link, got=got: link.read(0.1) or got or client.depth("lending.events.dead"))
        link.abort()
        taken += len(got)
        if client.depth("lending.events.dead"):
            break

    assert 15 <= taken <= 25
    assert client.depth("lending.events.dead") == 1


def test_stopping_handles_what_was_handed_over_and_leaves_the_rest_untouched(
    database: Database, broker: TestBroker, client: Client
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(work: Work, event: BookLent) -> None:
        begun.set()
        assert go_on.wait(10)
        tally(work, event)

    worker = Worker(
        "lending",
        engine=database.engine,
        amqp_url=broker.url,
        subscriptions={BookLent: slow},
        ladder=LADDER,
        lanes=1,
        prefetch=4,
    )
    worker.start()
    eventually(lambda: worker.consumer.consuming)
    publish(broker.url, *(an_event() for _ in range(20)))
    assert begun.wait(10)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    eventually(lambda: worker.consumer._stopping.is_set())
    go_on.set()
    stopping.join(20)

    handled = len(tallies(database))
    left = [client.get("lending.events.heard") for _ in range(20 - handled)]
    assert handled >= 4, "what the broker had handed over"
    assert all(one and not (one[0].headers or {}).get("x-delivery-count") for one in left), "nothing was given back"
    assert client.depth(queue_of("lending")) == 0


def test_the_database_being_away_costs_no_attempts(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    failures: list[int] = []

    def cut_off(work: Work, event: BookLent) -> None:
        tally(work, event)
        if len(failures) < 5:
            failures.append(1)
            own = work.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            database.execute("SELECT pg_terminate_backend(:pid)", pid=own)
            work.session.execute(text("SELECT 1"))

    run_worker({BookLent: cut_off, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {book_id: 1}, 20)
    assert len(failures) == 5 > len(LADDER)
    assert client.depth("lending.events.dead") == 0


def test_losing_every_connection_to_the_broker_ends_nothing(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    run_worker(HEAR)
    (first,) = add_and_lend(database)
    eventually(lambda: tallies(database) == {first: 1})

    broker.evaluate('[rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:connections()]')
    (second,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {first: 1, second: 1}, 20)
