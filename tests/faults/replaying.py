"""Events delivered through the real broker to real workers, and what a service's database says afterwards."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, make_url, text

from libs.chassis.database import create_engine, session_factory
from libs.messaging.envelope import Envelope
from libs.messaging.topology import dead_queue_of, queue_of, retry_queue_of
from libs.messaging.worker import Subscriptions, Worker
from tests.faults.asking import Caller
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually
from tests.support.ground import Ground

LADDER = (0.1, 0.2, 0.4, 0.8)
MESSAGING = {"inbox", "outbox", "commands", "alembic_version", "dead_letters", "dead_letter_deeds", "suspects"}
LEFT_OUT: dict[str, set[str]] = {
    "seats": {"id"},  # counted by the database, gaps and all
    "certificates": {"check_code"},  # drawn by lot
    "challenges": {"correlation_id"},
}
DEALT_OUT = {"invoices": {"number"}}
"""Columns whose values go to whoever comes first: which there are is compared, not who got them."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def subscriptions_of(service: str) -> Subscriptions:
    """What a service hears, and by which handlers."""
    found: Subscriptions = importlib.import_module(f"services.{service}.worker").SUBSCRIPTIONS
    return found


@contextmanager
def copy_of(ground: Ground, original: ServiceDatabase) -> Iterator[ServiceDatabase]:
    """A copy of the database as it stands, for the block."""
    original.engine.dispose()
    name, url = ground.copy_database(original.service, make_url(original.url).database or "")
    engine = create_engine(url, pool_size=30)
    try:
        yield ServiceDatabase(
            service=original.service,
            url=url,
            engine=engine,
            sessions=session_factory(engine),
            clock=original.clock,
        )
    finally:
        engine.dispose()
        ground.drop_database(name)


@contextmanager
def workers(database: ServiceDatabase, amqp_url: str, count: int, **options: Any) -> Iterator[list[Worker]]:
    """So many workers of a service in this process, without its jobs; each is a consumer and a relay."""
    running = [
        Worker(
            database.service,
            engine=database.engine,
            amqp_url=amqp_url,
            subscriptions=subscriptions_of(database.service),
            clock=database.clock,
            ladder=LADDER,
            **options,
        )
        for _ in range(count)
    ]
    for worker in running:
        worker.start()
    try:
        for worker in running:
            eventually(lambda worker=worker: worker.consumer.consuming and worker.publisher.connected, 20)
        yield running
    finally:
        for worker in running:
            assert worker.stop()


def settle(database: ServiceDatabase, caller: Caller, history: Sequence[Envelope], timeout: float = 30) -> None:
    """Wait until every event has been handled and nothing is on its way; raises for a dead letter."""
    subscribed = {event.TYPE: handlers for event, handlers in subscriptions_of(database.service).items()}
    receipts = sum(len(many) if not callable(many := subscribed[event.type]) else 1 for event in history)
    waiting = [queue_of(database.service), *(retry_queue_of(database.service, delay) for delay in LADDER)]

    def is_quiet() -> bool:
        if died := caller.take_all(dead_queue_of(database.service)):
            raise RuntimeError(f"dead letters: {[properties.headers for _, properties, _ in died]}")
        assert count(database.engine, "inbox") == receipts
        assert count(database.engine, "outbox WHERE published_at IS NULL") == 0
        return all(caller.depth(queue) == 0 for queue in waiting)

    eventually(is_quiet, timeout)


def count(engine: Engine, table: str) -> int:
    """How many rows there are of a table (and condition)."""
    with engine.connect() as connection:
        found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608  our own tables
    return found


def state(database: ServiceDatabase, known: str) -> dict[str, Counter[str]]:
    """What a service knows and has told: rows by table; ids that are not in `known` were made meanwhile."""
    found: dict[str, Counter[str]] = {}
    with database.engine.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
        for name in sorted(set(names) - MESSAGING):
            rows = connection.execute(text(f'SELECT * FROM "{name}"')).mappings().all()  # noqa: S608  names of our tables
            dealt_out = DEALT_OUT.get(name, set())
            found |= {f"{name}.{column}": Counter(str(row[column]) for row in rows) for column in dealt_out}
            left_out = {"version", "updated_at", *LEFT_OUT.get(name, ()), *dealt_out}
            found[name] = Counter(_shown({k: v for k, v in row.items() if k not in left_out}, known) for row in rows)
        told = connection.execute(text("SELECT type, subject, payload FROM outbox")).mappings()
        found["told"] = Counter(_shown(dict(row), known) for row in told)
    return found


def _shown(row: dict[str, Any], known: str) -> str:
    written = json.dumps(row, default=str, sort_keys=True, ensure_ascii=False)
    return _ID.sub(lambda one: one.group() if one.group() in known else "new", written)
