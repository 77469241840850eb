"""From the outbox over the broker into the inbox, with everything that can go wrong between."""

import json
import random
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest

from libs.messaging.publisher import Publisher
from libs.messaging.relay import Relay
from libs.messaging.topology import declare_all, declare_hearing
from libs.messaging.work import Work
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database, Start
from tests.integration.messaging.events import (
    HEAR,
    LADDER,
    LENT,
    UNPUBLISHED,
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
from tests.integration.messaging.example.lending.model import Book
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


def test_an_event_reaches_its_handler_with_its_stamp(database: Database, run_worker: RunWorker) -> None:
    seen: list[Work] = []

    def look(work: Work, event: BookLent) -> None:
        seen.append(work)
        tally(work, event)

    run_worker({BookLent: look, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    eventually(lambda: tallies(database) == {book_id: 1})
    event_id = database.one("SELECT id FROM outbox WHERE type = :type", type=LENT)
    correlation = database.one("SELECT correlation_id FROM outbox WHERE type = :type", type=LENT)
    assert (seen[0].sequence, seen[0].causation_id, seen[0].correlation_id) == (2, str(event_id), correlation)
    assert eventually(lambda: database.one(UNPUBLISHED) == 0)


def test_an_event_published_before_anybody_was_there_waits(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    declare_all(broker.url, {"lending": {LENT, BookAdded.TYPE}}, ladder=LADDER)
    (book_id,) = add_and_lend(database)
    publisher = Publisher(broker.url, name="test")
    publisher.start()
    assert publisher.wait_connected(5)
    assert Relay(database.engine, publisher).forward() == 2
    publisher.stop()

    run_worker(HEAR)

    assert eventually(lambda: tallies(database) == {book_id: 1})


def test_every_event_delivered_five_times_in_any_order_is_applied_once(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    run_worker(HEAR, lanes=4)
    events = [an_event() for _ in range(60)]
    deliveries = events * 5
    random.Random(7).shuffle(deliveries)
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)

    publish(broker.url, *deliveries)

    assert eventually(lambda: database.one("SELECT count(*) FROM inbox") == 60)
    with closing(Client(broker.url)) as client:
        assert eventually(lambda: client.depth("lending.events.heard") == 0)
    assert tallies(database) == {UUID(event.subject): 1 for event in events}


def test_two_relays_lose_nothing_and_keep_the_order_of_each_subject(
    database: Database, broker: TestBroker, client: Client
) -> None:
    declare_all(broker.url, {"lending": {LENT, BookAdded.TYPE}}, ladder=LADDER)
    books = add_and_lend(database, books=40, loans=10)
    publishers = [Publisher(broker.url, name=f"relay {number}") for number in range(2)]
    relays = [Relay(database.engine, publisher, batch=15) for publisher in publishers]
    for part in (*publishers, *relays):
        part.start()

    eventually(lambda: database.one(UNPUBLISHED) == 0, 20)
    for part in (*relays, *publishers):
        part.stop(20)

    seen: dict[str, list[int]] = {}
    while (message := client.get("lending.events.heard")) is not None:
        headers = message[0].headers
        seen.setdefault(headers["cloudEvents_subject"], []).append(headers["cloudEvents_sequence"])
    assert seen == {str(book): list(range(1, 12)) for book in books}


def test_a_crash_between_publishing_and_marking_loses_and_doubles_nothing(
    database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = iter([True, True, False])
    sort = Relay._sort

    def crash(relay: Relay, rows: Any, outcomes: Any) -> Any:
        if next(crashes, False):
            raise RuntimeError("the power went off after the publishing")
        return sort(relay, rows, outcomes)

    monkeypatch.setattr(Relay, "_sort", crash)
    run_worker(HEAR)
    books = add_and_lend(database, books=20)

    assert eventually(lambda: database.one(UNPUBLISHED) == 0, 20)
    assert eventually(lambda: tallies(database) == dict.fromkeys(books, 1))
    assert next(crashes, "used") == "used"


def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    database: Database, broker: TestBroker, start: Start
) -> None:
    books: list[UUID] = []
    for _ in range(3):
        process = start("worker", database=database, amqp_url=broker.url)
        process.wait_for("worker started")
        books += add_and_lend(database, books=150)
        before = len(tallies(database))
        eventually(lambda before=before: len(tallies(database)) > before)
        process.kill()

    last = start("worker", database=database, amqp_url=broker.url)

    assert eventually(lambda: tallies(database) == dict.fromkeys(books, 1), 30)
    assert eventually(lambda: database.one(UNPUBLISHED) == 0)
    assert last.memory() < 80
    assert last.stop() == 0


def test_an_event_that_no_queue_is_bound_for_stays_in_the_outbox(database: Database, broker: TestBroker) -> None:
    publisher = Publisher(broker.url, name="test", on_open=lambda channel: declare_hearing(channel, "lending", {LENT}))
    publisher.start()
    assert publisher.wait_connected(5)
    relay = Relay(database.engine, publisher)
    with database.open_work() as work:
        work.session.add(Book.add("Nobody hears of it"))

    assert relay.forward() == 0
    assert relay.forward() == 0
    publisher.stop()

    assert database.one(UNPUBLISHED) == 1


def test_events_can_be_read_by_a_stock_nameko_listener(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    worker = run_worker(HEAR)
    eventually(lambda: worker.consumer.consuming)
    client.channel.queue_declare("evt-lending.events--listener", durable=True)
    client.channel.queue_bind("evt-lending.events--listener", "lending.events", LENT)
    (book_id,) = add_and_lend(database)

    message = eventually(lambda: client.get("evt-lending.events--listener"))

    assert message is not None
    assert (message[0].content_type, json.loads(message[1])) == (
        "application/json",
        {"book_id": str(book_id), "times": 1},
    )
