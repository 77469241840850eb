"""The check stays quick where much has happened: its work is done by the databases, in few statements."""

from __future__ import annotations

import time

import pytest

from tests.integration.operations.conftest import World

pytestmark = pytest.mark.integration

MANY = 100_000
MOST_SECONDS = 10

_TOLD = f"""
    INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload, published_at)
    SELECT ('019a0000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'orders.product_published.v1',
      (SELECT min(id::text) FROM products), 'many', now() - interval '1 minute', '{{}}', now() - interval '1 minute'
    FROM generate_series(1, {MANY}) AS number"""
_HANDLED = f"""
    INSERT INTO inbox (message_id, handler)
    SELECT ('019a0000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'projections.remember_product'
    FROM generate_series(1, {MANY}) AS number"""


def test_a_hundred_thousand_events_are_checked_in_seconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_KEEP_DAYS", "4000")  # the ids are of a fixed moment
    world.breaks("orders", _TOLD, "ANALYZE outbox")
    world.breaks("licensing", _HANDLED, "ANALYZE inbox")
    began = time.monotonic()
    report = world.check()
    seconds = time.monotonic() - began
    slowest = max(report.rows, key=lambda row: row.seconds)
    assert [str(breach) for breach in report.breaches] == []
    assert {row.invariant: row.checked for row in report.rows}["I4 received"] > MANY
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s, of which {slowest.seconds:.1f} s for {slowest.invariant}"


def test_a_hundred_thousand_lost_events_are_counted_and_few_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_KEEP_DAYS", "4000")
    world.breaks("orders", _TOLD)
    report = world.check()
    assert {row.invariant: row.breaches for row in report.rows if row.breaches} == {"I4 received": MANY}
    assert len(report.breaches) == 50
    assert len(list(report.lines())) < 60
