"""Everything may come several times, late and in any order, and everybody may be there twice: the effect is one."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sqlalchemy import insert

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.licensing import SeatsGranted
from libs.messaging.tables import outbox
from libs.messaging.topology import services_in_the_house
from tests.faults.asking import Caller
from tests.faults.conftest import declare_everything
from tests.faults.histories import HISTORIES, is_published
from tests.faults.replaying import copy_of, count, settle, state, subscriptions_of, workers
from tests.support.databases import Databases
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

TIMES = 5
SEED = 20_261_122
EVENTS, SUBJECTS = 10_000, 500


def test_every_service_that_hears_something_has_a_history() -> None:
    assert set(HISTORIES) == {service for service in services_in_the_house() if subscriptions_of(service)}


def differences(expected: dict[str, Counter[str]], found: dict[str, Counter[str]]) -> str:
    """The rows that one state has and the other has not."""
    lines = []
    for name in expected:
        lines += [f"{name} lacks {row}" for row in (expected[name] - found[name]).elements()]
        lines += [f"{name} has {row}" for row in (found[name] - expected[name]).elements()]
    return "\n".join(lines)


@pytest.mark.parametrize("service", sorted(HISTORIES))
def test_five_deliveries_in_any_order_to_two_workers_leave_what_one_in_order_leaves(
    service: str,
    ground: Ground,
    broker: TestBroker,
    service_database: Databases,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    declare_everything(broker.url)
    history = HISTORIES[service](service_database, clock, monkeypatch, tmp_path)
    database = service_database(service)
    is_published(database)
    assert {event.type for event in history} == {kind.TYPE for kind in subscriptions_of(service)}
    assert count(database.engine, "inbox") == 0
    known = f"{state(database, '')}{[vars(event) for event in history]}"

    with copy_of(ground, database) as once, Caller(broker.url) as caller:
        with workers(once, broker.url, 1, lanes=1):
            caller.tell(*history)
            settle(once, caller, history)
        expected = state(once, known)

    shuffled = history * TIMES
    random.Random(f"{SEED}{service}").shuffle(shuffled)
    with copy_of(ground, database) as often, Caller(broker.url) as caller:
        with workers(often, broker.url, 2):
            caller.tell(*shuffled)
            settle(often, caller, history)
        found = state(often, known)

    assert [name for name in expected if found[name] != expected[name]] == [], differences(expected, found)


def test_two_relays_on_one_outbox_publish_everything_and_keep_the_order_of_each_subject(
    broker: TestBroker, service_database: Databases
) -> None:
    declare_everything(broker.url)
    database, subjects = service_database("licensing"), [str(new_id()) for _ in range(SUBJECTS)]
    rows = [
        {
            "id": new_id(),
            "type": SeatsGranted.TYPE,
            "subject": subjects[number % SUBJECTS],
            "sequence": number // SUBJECTS + 1,
            "correlation_id": "test",
            "occurred_at": database.clock.now(),
            "payload": {},
        }
        for number in range(EVENTS)
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(outbox), rows)

    with Caller(broker.url) as reader:
        heard = reader.channel.queue_declare("", exclusive=True).method.queue
        reader.channel.queue_bind(heard, "licensing.events", SeatsGranted.TYPE)
        with workers(database, broker.url, 2):
            eventually(lambda: count(database.engine, "outbox WHERE published_at IS NULL") == 0, 40)
        told = [properties.headers for _, properties, _ in reader.stream(heard, EVENTS)]

    in_order: dict[str, list[int]] = defaultdict(list)
    for headers in told:
        in_order[headers["cloudEvents_subject"]].append(headers["cloudEvents_sequence"])
    assert {headers["cloudEvents_id"] for headers in told} == {str(row["id"]) for row in rows}
    assert in_order == {subject: list(range(1, EVENTS // SUBJECTS + 1)) for subject in subjects}
