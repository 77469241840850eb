"""The check stays quick where much has happened: its work is done by the databases, in few statements."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest

from tests.integration.operations.conftest import World

pytestmark = pytest.mark.integration

MANY = 100_000
LOST = 25_000
MOST_SECONDS = 60
"""Far more than it takes alone: the machine may be busy with other tests. Work that grows with the square of the events
would take hours."""


def _told(many: int, now: datetime) -> str:
    moment = f"TIMESTAMPTZ '{now - timedelta(minutes=1)}'"
    return f"""
    INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload, published_at)
    SELECT ('019a0000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'orders.product_published.v1',
      (SELECT min(id::text) FROM products), 'many', {moment}, '{{}}', {moment}
    FROM generate_series(1, {many}) AS number"""


def _handled(many: int) -> str:
    return f"""
    INSERT INTO inbox (message_id, handler)
    SELECT ('019a0000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'projections.remember_product'
    FROM generate_series(1, {many}) AS number"""


def test_a_hundred_thousand_events_are_checked_in_seconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_KEEP_DAYS", "4000")  # the ids are of a fixed moment
    world.breaks("orders", _told(MANY, world.clock.now()), "ANALYZE outbox")
    world.breaks("licensing", _handled(MANY), "ANALYZE inbox")
    began = time.monotonic()
    report = world.check()
    seconds = time.monotonic() - began
    slowest = max(report.rows, key=lambda row: row.seconds)
    assert [str(breach) for breach in report.breaches] == []
    assert {row.invariant: row.checked for row in report.rows}["I4 received"] > MANY
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s, of which {slowest.seconds:.1f} s for {slowest.invariant}"


def test_many_lost_events_are_counted_and_few_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_KEEP_DAYS", "4000")
    world.breaks("orders", _told(LOST, world.clock.now()), "ANALYZE outbox")
    report = world.check()
    assert {row.invariant: row.breaches for row in report.rows if row.breaches} == {"I4 received": LOST}
    assert len(report.breaches) == 50
    assert len(list(report.lines())) < 60
