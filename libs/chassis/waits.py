"""Every wait of a process ends by itself: how long each may take, read from the environment once.

``bound()`` declares such a setting together with what waits and what happens at its end; docs/waits.md is made from
these words, so a bound that is not declared in this way is not in the page.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import environ


class Bound(str):
    """The help text of a bound: what waits, and what happens when it ends."""

    what: str
    then: str
    unit: str

    def __new__(cls, what: str, then: str, unit: str) -> "Bound":
        """Join both halves, so that a generated help reads as a sentence."""
        bound = super().__new__(cls, f"{what}; then: {then}")
        bound.what, bound.then, bound.unit = what, then, unit
        return bound


def bound(default: float, what: str, then: str, *, unit: str = "s", name: str | None = None) -> Any:
    """A setting that ends a wait or limits a crowd; numbers in ``unit``, where that is not seconds."""
    kind: Callable[[str], float] = int if isinstance(default, int) else float
    return environ.var(default, converter=kind, name=name, help=Bound(what, then, unit))


@environ.config(prefix="DATABASE")
class DatabaseWaits:
    """What a process waits for from PostgreSQL; ``DATABASE_`` before the name."""

    connect_timeout: int = bound(5, "a new connection, until it is greeted", "it counts as an outage, tried again")
    pool_size: int = bound(
        0,
        "connections of a process; 0: what its work needs",
        "who needs one more waits POOL_TIMEOUT",
        unit="connections",
    )
    pool_timeout: float = bound(5.0, "a deed, for a free connection of its process", "503; an event or job tries again")
    statement_timeout: float = bound(15.0, "a statement, for its end", "the server cancels it: 503, or tried again")
    lock_timeout: float = bound(5.0, "a statement, for a lock of others", "the server cancels it: 503, or tried again")
    idle_in_transaction_timeout: float = bound(
        60.0, "an open transaction, for its next statement", "the server ends the session and frees its locks"
    )
    silence: float = bound(
        5.0,
        "a statement of a server that is frozen, beyond its STATEMENT_TIMEOUT",
        "the connection is closed from our side: an outage",
    )
    tcp_user_timeout: float = bound(
        20.0, "bytes sent, for the other machine's acknowledgement", "the connection is dead"
    )
    keepalive_idle: int = bound(15, "a silent connection, for its first keepalive", "probes are sent")
    keepalive_interval: int = bound(
        5, "a keepalive probe, for its answer", "another; after three the connection is dead"
    )
    recycle: int = bound(1800, "a pooled connection, for its end by age", "a new one takes its place")
    listen_check: float = bound(
        15.0,
        "the listener for NOTIFY, while nothing comes",
        "it asks the server for a sign of life, and connects anew where none comes within SILENCE",
    )


@environ.config(prefix="AMQP")
class BrokerWaits:
    """What a process of a service waits for from the broker; ``AMQP_`` before the name."""

    connect_timeout: float = bound(5.0, "a new connection, for each answer of the broker", "it is tried again, slower")
    io_timeout: float = bound(10.0, "one read or write on the socket", "the connection is dropped and made anew")
    heartbeat: int = bound(15, "a silent connection, for a heartbeat", "after two the connection is dropped")
    confirm_timeout: float = bound(
        20.0, "the relay, for the confirms of a batch", "the connection is dropped; the events are published again"
    )
    pass_on_timeout: float = bound(
        10.0, "a retried or dead letter, for its confirm", "the connection is dropped; it is passed on again"
    )
    reply_timeout: float = bound(5.0, "an answer, until it is written to the broker", "once more, then it is dropped")
    hold: float = bound(10.0, "the events of a subject that the broker returned", "they are published again")
    longest_pause: float = bound(10.0, "a connection that failed, between two attempts", "the next attempt")


@environ.config(prefix="")
class ProcessWaits:
    """What a process of a service allows itself."""

    stop_seconds: float = bound(
        25.0, "a process that was told to stop, for what it began", "it ends with code 1; the rest is delivered again"
    )
    rpc_workers: int = bound(
        16, "requests at once in one process", "more wait in the queue, until they expire", unit="requests"
    )
    consumer_lanes: int = bound(2, "events at once in one process", "more wait in the queue", unit="events")
    consumer_prefetch: int = bound(32, "events taken ahead by one process", "more wait in the queue", unit="events")
    relay_gather: float = bound(0.02, "an event right behind another, for company", "they are published together")
    relay_poll: float = bound(1.0, "the relay, for a NOTIFY that may have been lost", "it looks into the outbox")
    health_check_timeout: float = bound(
        1.5,
        "a probe of /readyz or /metrics, for the database",
        "the part is reported as `Timeout`, status 503; the figures are `NaN`",
    )
    health_keep: float = bound(5.0, "a good answer of the database to a probe", "the next probe asks it again")
    health_keep_bad: float = bound(1.0, "a bad answer of the database to a probe", "the next probe asks it again")
    health_stuck_after: float = bound(
        300.0, "/healthz, for a sign of each thread (a lane, a job, the relay, …)", "status 503 names the thread"
    )
    health_read_timeout: float = bound(5.0, "a probe's own request, for its bytes", "the connection is closed")


@cache
def database_waits() -> DatabaseWaits:
    """Those of this process."""
    return environ.to_config(DatabaseWaits)


@cache
def broker_waits() -> BrokerWaits:
    """Those of this process."""
    return environ.to_config(BrokerWaits)


@cache
def process_waits() -> ProcessWaits:
    """Those of this process."""
    return environ.to_config(ProcessWaits)
