"""Every invariant holds in a town where all went well, and each is noticed when it is broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import amqp
import pytest

from libs.chassis.ids import new_id
from libs.contracts.base import EVENTS
from libs.messaging.link import Link
from libs.messaging.topology import load_contracts, own_queues
from operations.installation import SERVICES
from operations.invariants import INVARIANTS, under_way
from operations.invariants.answers import LETTERS
from operations.invariants.broker import names_of
from operations.invariants.sagas import SAGAS
from operations.invariants.told import FACTS, UNPAIRED
from operations.subscriptions import subscriptions
from tests.integration.operations.breaks import BREAKS, LATE, Break, an_event_like, dead_letter, late
from tests.integration.operations.conftest import World
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

ON_THE_BROKER = {"I5 queues exist", "I5 queues drained"}
FACTS_BY_EVENT = {fact.event: fact for fact in FACTS}
TELLING = sorted({fact.service for fact in FACTS})
TIMELESS = {"orders.product_published.v1"}
"""Told of rows that say no time: an old one's event may have been forgotten."""


def test_nothing_is_broken_where_all_went_well(world: World) -> None:
    report = world.check()
    assert [str(breach) for breach in report.breaches] == []
    assert [
        row.invariant for row in report.rows if not row.checked and row.invariant != "I5 dead letters decided"
    ] == []
    assert under_way(world.installation) == []


def test_each_invariant_is_broken_by_a_test() -> None:
    assert {one.invariant for one in BREAKS} | ON_THE_BROKER == {one.key for one in INVARIANTS}
    assert set(LATE) == {saga.what.replace("''", "'") for saga in SAGAS}


def test_every_event_is_compared_with_its_row_or_says_why_not() -> None:
    load_contracts()
    assert {fact.event for fact in FACTS} | set(UNPAIRED) == set(EVENTS)


def test_every_handler_that_writes_a_mail_is_known() -> None:
    writing = {one.event for one in subscriptions() if one.handler.startswith("mails.")}
    assert {letter.event for letter in LETTERS} == writing


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: f"{one.invariant}: {one.says}")
def test_a_broken_invariant_is_named(world: World, one: Break) -> None:
    world.breaks(one.service, *one.statements)
    report = world.check()
    assert {row.invariant for row in report.rows if row.breaches} == {one.invariant, *one.also}
    told = [str(breach) for breach in report.breaches if breach.invariant == one.invariant]
    assert [line for line in told if one.says in line], told


@pytest.mark.parametrize("service", TELLING)
def test_events_without_their_rows_are_ghosts(world: World, service: str) -> None:
    ghosts = {fact.event: str(new_id()) for fact in FACTS if fact.service == service}
    world.breaks(
        service,
        *(
            an_event_like(FACTS_BY_EVENT[event], subject=ghost, line_id=ghost, code="m", state="lost")
            for event, ghost in ghosts.items()
        ),
    )
    found = [one for one in world.check().breaches if one.invariant == "I2 no ghost"]
    assert {one.subject.split()[0]: one.detail.split()[2].rstrip(",") for one in found} == {
        ghost: event for event, ghost in ghosts.items()
    }


@pytest.mark.parametrize("service", TELLING)
def test_rows_without_their_events_are_zombies(world: World, service: str) -> None:
    world.breaks(service, "DELETE FROM outbox")
    zombies = [one for one in world.check().breaches if one.invariant == "I2 no zombie"]
    told = {fact.event for fact in FACTS if fact.service == service and fact.always}
    assert {one.detail.removeprefix("never told by ") for one in zombies} == told - TIMELESS


@pytest.mark.parametrize("service", TELLING)
def test_what_is_told_twice_is_found(world: World, service: str) -> None:
    once = [fact for fact in FACTS if fact.service == service and not fact.often]
    world.breaks(service, *(an_event_like(fact) for fact in once))
    report = world.check()
    assert {one.invariant for one in report.breaches} == {"I2 told once"}
    assert {one.detail.split()[-1] for one in report.breaches} == {fact.event for fact in once}


@pytest.mark.parametrize("service", sorted({one[0] for one in LATE.values()}))
def test_what_does_not_end_in_time_is_named(world: World, service: str) -> None:
    whats = {what for what in LATE if LATE[what][0] == service}
    world.breaks(service, *(late(what) for what in sorted(whats)))
    told = [one.detail for one in world.check().breaches if one.invariant == "I8 ends in time"]
    assert {detail.partition(", due since")[0] for detail in told} == whats


def test_a_filled_queue_is_named_unless_the_installation_is_busy(own_world: World) -> None:
    message = amqp.Message(b"{}", content_type="application/json")
    with opened(own_world) as link:
        link.channel.basic_publish(message, exchange="", routing_key="orders.events.heard")
    eventually(lambda: under_way(own_world.installation) == ["orders.events.heard: 1 ready"])
    report = own_world.check()
    assert [str(breach) for breach in report.breaches] == ["orders: orders.events.heard: orders.events.heard: 1 ready"]
    assert own_world.check(quiet=False).holds


def test_a_missing_queue_is_named(own_world: World) -> None:
    with opened(own_world) as link:
        link.channel.queue_delete("licensing.events.retry.10s")
    assert [str(one) for one in own_world.check().breaches] == ["licensing: licensing.events.retry.10s: does not exist"]


@contextmanager
def opened(world: World) -> Iterator[Link]:
    """A connection to the world's broker; at its end everything sent has arrived."""
    link = Link(world.installation.amqp_url, name="test")
    link.open()
    yield link
    link.close()


def test_every_queue_of_the_topology_is_looked_at() -> None:
    assert {name for name, _, _ in names_of(SERVICES)} == {
        queue.name for service in SERVICES for queue in own_queues(service)
    }


def test_an_event_that_became_a_dead_letter_is_not_lost(world: World) -> None:
    event = "SELECT message_id FROM inbox WHERE handler = 'pools.grant_paid_seats' LIMIT 1"
    world.breaks(
        "licensing",
        dead_letter(f"({event})"),
        "DELETE FROM inbox WHERE message_id = (SELECT event_id FROM dead_letters)",
    )
    assert world.broken() == ["I5 dead letters decided"]
    assert under_way(world.installation) == []


def test_a_discarded_dead_letter_is_no_breach(world: World) -> None:
    world.breaks("licensing", dead_letter(status="discarded"))
    assert world.broken() == []


def test_a_young_event_may_be_on_its_way_in_a_busy_installation(world: World) -> None:
    world.breaks("licensing", "DELETE FROM inbox WHERE handler = 'pools.grant_paid_seats'")
    assert world.check(quiet=False).holds
    assert not world.check(quiet=True).holds
    assert under_way(world.installation) == ["licensing: 3 events of orders are not handled"]
    world.clock.advance(timedelta(minutes=20))
    try:
        assert not world.check(quiet=False).holds
    finally:
        world.clock.advance(timedelta(minutes=-20))
