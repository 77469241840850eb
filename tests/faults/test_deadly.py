"""Messages that kill the process that handles them, and one that can never be handled: each loop ends by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic

import psutil
import pytest

from libs.contracts.base import dump
from libs.messaging import envelope
from libs.messaging.envelope import Envelope
from libs.messaging.topology import LADDER, declare_all, rpc_queue_of
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database, Process, Start, new_database, processes
from tests.integration.messaging.events import LENT, an_event, broker_link, tallies
from tests.integration.messaging.example.lending.contracts import BookAdded
from tests.integration.messaging.example.lending.handlers import DEADLY, HOPELESS
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

RUNGS = (0.2,)
MOST_ATTEMPTS = 10
DEATHS_A_RUNG = 2  # in hand with others, then alone
HEARD = {"lending": {LENT, BookAdded.TYPE}}


@pytest.fixture
def database(ground: Ground) -> Iterator[Database]:
    with new_database(ground) as database:
        yield database


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with processes(tmp_path) as start:
        yield start


def added(title: str) -> Envelope:
    event = an_event(type=BookAdded.TYPE)
    book = BookAdded(book_id=event.id, title=title)
    return an_event(id=event.id, type=BookAdded.TYPE, subject=str(event.id), data=dump(book))


def tell(url: str, *events: Envelope) -> None:
    with broker_link(url) as link:
        for event in events:
            link.publish("lending.events", event.type, envelope.body_of(event), envelope.properties_of(event))


def letters(database: Database) -> list[tuple[str, str]]:
    return [(row.queue, row.reason) for row in database.all("SELECT queue, reason FROM dead_letters")]


def restarted_until_it_lives(start: Start, kind: str, database: Database, url: str, words: str) -> tuple[Process, int]:
    """Start a process again whenever it dies, as an orchestrator does; the one that lives on, and how many died."""
    deaths = 0
    while True:
        process = start(kind, database=database, amqp_url=url)

        def ended_or_settled(process: Process = process) -> str | None:
            if process.child.poll() is not None:
                return "ended"
            return "settled" if words in process.log.read_text() and letters(database) else None

        if eventually(ended_or_settled, 40) == "settled":
            return process, deaths
        assert process.child.returncode == 9, process.log.read_text()[-2_000:]
        deaths += 1
        assert deaths <= MOST_ATTEMPTS, "the loop does not end"


def test_ten_deaths_at_most_on_the_whole_ladder() -> None:
    assert DEATHS_A_RUNG * (len(LADDER) + 1) <= MOST_ATTEMPTS


def test_an_event_that_kills_its_process_is_isolated_and_its_neighbours_are_handled(
    database: Database, broker: TestBroker, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENDING_LADDER", " ".join(map(str, RUNGS)))
    declare_all(broker.url, HEARD, ladder=RUNGS)
    neighbours = [an_event() for _ in range(20)]
    tell(broker.url, *neighbours[:10], added(DEADLY), *neighbours[10:])

    process, deaths = restarted_until_it_lives(start, "worker", database, broker.url, "worker started")

    assert deaths == DEATHS_A_RUNG * (len(RUNGS) + 1)
    assert letters(database) == [("lending.events.heard", "process_died")], "no neighbour is blamed"
    began = monotonic()
    assert eventually(lambda: len(tallies(database)) == len(neighbours), 5)
    assert set(tallies(database).values()) == {1}
    late = an_event()
    tell(broker.url, late)
    assert eventually(lambda: len(tallies(database)) == len(neighbours) + 1, 5)
    assert monotonic() - began < 10
    assert process.stop() == 0


def test_a_request_that_kills_its_process_is_noted_at_the_third_delivery_and_others_are_answered(
    database: Database, broker: TestBroker, start: Start
) -> None:
    declare_all(broker.url, HEARD)
    worker = start("worker", database=database, amqp_url=broker.url)  # its keeper brings notes into the table
    worker.wait_for("worker started", 40)
    client = Client(broker.url)
    client.send("misbehave", {"how": "exit"}, within=timedelta(minutes=1))

    process, deaths = restarted_until_it_lives(start, "rpc", database, broker.url, "requests are taken")

    assert deaths == 2
    assert letters(database) == [(rpc_queue_of("lending"), "process_died")]
    began = monotonic()
    assert client.result("add_book", {"title": "Under the Yoke"})["title"] == "Under the Yoke"
    assert monotonic() - began < 5
    assert client.depth(rpc_queue_of("lending")) == 0
    client.close()
    assert process.stop() == worker.stop() == 0


def test_an_event_that_always_fails_keeps_nobody_busy(database: Database, broker: TestBroker, start: Start) -> None:
    declare_all(broker.url, HEARD)
    process = start("worker", database=database, amqp_url=broker.url)
    process.wait_for("worker started", 40)
    warm = an_event()
    tell(broker.url, warm)
    eventually(lambda: len(tallies(database)) == 1, 20)
    neighbour = an_event()
    running = psutil.Process(process.child.pid)
    before, began = sum(running.cpu_times()[:2]), monotonic()

    tell(broker.url, *(added(HOPELESS) for _ in range(5)), neighbour)

    assert eventually(lambda: len(tallies(database)) == 2, 5)
    eventually(lambda: monotonic() - began > 8, 20)
    spent = sum(running.cpu_times()[:2]) - before
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    tried = [line for line in lines if line["event"] == "event will be tried again"]
    assert len(tried) == 5 * 2, "at once, after a second, and then not for ten"
    assert len(LADDER) + 1 <= MOST_ATTEMPTS
    assert sum(LADDER) < 15 * 60
    assert spent / (monotonic() - began) < 0.05
    assert process.stop() == 0
