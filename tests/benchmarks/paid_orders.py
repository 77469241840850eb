"""Paid orders that wait in the outbox of `orders`: written as rows, so that the measured time is not the writer's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from libs.chassis.ids import new_id
from libs.contracts.base import dump
from libs.contracts.orders import OrderedLine, OrderPaid
from libs.messaging.envelope import Envelope
from libs.messaging.tables import OUTBOX_CHANNEL
from libs.messaging.topology import source_of

ORGANISATIONS = 200
_WRITE = """
    WITH paid AS (SELECT gen_random_uuid() AS id, number FROM generate_series(1, %(count)s) AS number)
    INSERT INTO outbox (id, type, subject, sequence, correlation_id, occurred_at, payload)
    SELECT gen_random_uuid(), %(type)s, id::text, 3, gen_random_uuid()::text, clock_timestamp(),
        jsonb_set(%(payload)s::jsonb, '{lines,0,line_id}', to_jsonb(gen_random_uuid()))
        || jsonb_build_object('order_id', id, 'organisation_id', md5((number %% %(organisations)s)::text)::uuid)
    FROM paid RETURNING subject
"""


def write(orders: psycopg.Connection[Any], count: int) -> list[UUID]:
    """Put events of so many paid orders into the outbox, in one commit; the orders' ids."""
    given = {
        "count": count,
        "type": OrderPaid.TYPE,
        "payload": json.dumps(dump(_example()), ensure_ascii=False),
        "organisations": ORGANISATIONS,
    }
    with orders.transaction():
        ids = [UUID(subject) for (subject,) in orders.execute(_WRITE, given).fetchall()]
        orders.execute("SELECT pg_notify(%s, '')", [OUTBOX_CHANNEL])
    return ids


def waiting(orders: psycopg.Connection[Any]) -> int:
    """How many events are not published yet."""
    (count,) = orders.execute("SELECT count(*) FROM outbox WHERE published_at IS NULL").fetchone() or (0,)
    return int(count)


def granted(licensing: psycopg.Connection[Any]) -> int:
    """How many orders' seats were granted."""
    (count,) = licensing.execute("SELECT count(*) FROM grants").fetchone() or (0,)
    return int(count)


def example_envelope() -> Envelope:
    """One such event as the relay publishes it."""
    event = _example()
    return Envelope(
        id=new_id(),
        type=event.TYPE,
        source=source_of(event.TYPE),
        subject=str(event.order_id),
        time=event.paid_at,
        correlation_id=str(new_id()),
        causation_id=None,
        sequence=3,
        data=dump(event),
    )


def _example() -> OrderPaid:
    line = OrderedLine(
        line_id=new_id(),
        product_id=UUID("01890a5d-ac96-774b-bcce-b302099a8057"),
        sku="microsoft-365-a3",
        kind="seats",
        quantity=2,
        validity_months=12,
        name={"bg": "Microsoft 365 A3 за преподаватели", "en": "Microsoft 365 A3 for teachers"},
    )
    return OrderPaid(
        order_id=new_id(),
        number="2026-000001",
        organisation_id=new_id(),
        placed_by=new_id(),
        lines=[line],
        paid_at=datetime.now(UTC),
    )
