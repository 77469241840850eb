"""Bare inserts: the rows that one paid order leaves in `licensing`, by plain psycopg in one transaction each.

As many threads as the consumer has lanes, each with a connection of its own.

python -m tests.benchmarks.yardsticks.grants COUNT
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
from psycopg.types.json import Jsonb

from libs.chassis.ids import new_id
from libs.chassis.waits import process_waits

_POOL = "INSERT INTO seat_pools (id, organisation_id, product_id, sku, kind) VALUES (%s, %s, %s, 'bare', 'seats')"
_RECEIPT = "INSERT INTO inbox (message_id, handler) VALUES (%(id)s, 'bare')"
_GRANT = """
    INSERT INTO grants (line_id, order_id, pool_id, quantity, valid_until, granted_at)
    VALUES (%(id)s, %(id)s, %(pool)s, 2, '2099-12-31', %(now)s)
"""
_SEATS = """
    INSERT INTO seats (pool_id, line_id, valid_until)
    SELECT %(pool)s, %(id)s, '2099-12-31' FROM generate_series(1, 2)
"""
_EVENT = """
    INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload)
    VALUES (%(id)s, 'licensing.seats_granted.v1', %(subject)s, %(subject)s, %(now)s, %(payload)s)
"""
_PAYLOAD = {"order_id": str(new_id()), "line_id": str(new_id()), "organisation_id": str(new_id()), "quantity": 2}


def main(count: int) -> float:
    """Insert what so many events leave behind; transactions a second."""
    lanes = process_waits().consumer_lanes
    began = time.perf_counter()
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(_insert, [count // lanes] * lanes))
    return count // lanes * lanes / (time.perf_counter() - began)


def _insert(count: int) -> None:
    with psycopg.connect(os.environ["LICENSING_DATABASE_URL"].replace("+psycopg", "")) as connection:
        pool, now = new_id(), datetime.now(UTC)
        connection.execute(_POOL, [pool, new_id(), new_id()])
        connection.commit()
        for _ in range(count):
            identifier = new_id()
            row = {"id": identifier, "subject": str(identifier), "pool": pool, "now": now, "payload": Jsonb(_PAYLOAD)}
            with connection.transaction(), connection.cursor() as cursor:
                for statement in (_RECEIPT, _GRANT, _SEATS, _EVENT):
                    cursor.execute(statement, row)


if __name__ == "__main__":
    sys.stdout.write(f"{main(int(sys.argv[1])):.1f}\n")
