"""The database killed, frozen, locked and full: waits are bounded, pages say when to come again, nothing is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence

import psycopg
from psycopg import sql

from deploy.local.errors import CannotStart
from deploy.local.postgres import SERVICES
from tests.faults.injections import Fault
from tests.faults.prober import Prober
from tests.faults.stage import Stage

KILLS = 10
SECONDS_BETWEEN_KILLS = 2.5
TRIES_TO_START = 10
LONGEST_ANSWER = 7.0
"""Seconds: the gateway's five, and what a busy machine of two cores may add."""

LOCKED_LONG: Mapping[str, Sequence[str]] = {
    "orders": ("orders", "outbox", "commands"),
    "licensing": ("seat_pools", "inbox"),
}
LOCKED_BRIEFLY: Mapping[str, Sequence[str]] = {
    "identity": ("accounts", "sessions"),
    "mfa": ("challenges", "inbox"),
    "certificates": ("enrolments", "certificates"),
    "notifications": ("mails", "outbox"),
}
SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")
RESERVE = 3
"""Connections that PostgreSQL keeps for its superuser."""


def killed(stage: Stage) -> None:
    """SIGKILL to every process of the server, again and again; what was acknowledged stands."""
    with psycopg.connect(stage.postgres.postgres.admin_url) as connection:
        values = {name: connection.execute(f"SHOW {name}").fetchone() for name in SETTINGS}
    assert set(values.values()) == {("on",)}, f"without durable settings nothing is proved: {values}"
    slowest = 0.0
    for _ in range(3 if stage.short else KILLS):
        stage.postgres.kill()
        began = time.monotonic()
        _start_again(stage)
        slowest = max(slowest, time.monotonic() - began)
        stage.rest(SECONDS_BETWEEN_KILLS)
    stage.log(f"the slowest start took {slowest:.1f} s")


def _start_again(stage: Stage) -> None:
    """Start until it runs: an ended server that nobody has collected yet looks alive to the next one for a moment."""
    for last in [False] * TRIES_TO_START + [True]:
        try:
            stage.postgres.start()
            return
        except CannotStart:
            if last:
                raise
            time.sleep(0.3)


def frozen(stage: Stage) -> None:
    """Every process of the server is frozen: connections stay open, nothing is answered."""
    with _watched(stage), stage.postgres.frozen():
        stage.rest(8 if stage.short else 30)


def locked(stage: Stage) -> None:
    """Somebody holds the busiest tables of two services for long, then those of all others for a while."""
    with _watched(stage):
        with _locked(stage, LOCKED_LONG):
            stage.rest(30)
        with _locked(stage, LOCKED_BRIEFLY):
            stage.rest(8)


def exhausted(stage: Stage) -> None:
    """Idle sessions hold every connection that the server gives, and the services have lost theirs."""
    with _watched(stage), _filled(stage) as held:
        stage.log(f"{held} idle sessions hold the server's connections")
        stage.rest(8 if stage.short else 25)


@contextlib.contextmanager
def _watched(stage: Stage) -> Iterator[None]:
    """While the block lasts pages answer in time, with 503 and a word on when; afterwards nothing was given up."""
    dead, paths = _dead_letters(stage), _paths(stage)
    with Prober(f"{stage.gateway}/api/v1", paths, stage.tokens.manager) as prober:
        yield
    prober.check(longest=LONGEST_ANSWER, refused=True)
    stage.log(f"impatient looks were answered {prober.statuses()}")
    stage.postgres.wait_answering()
    given_up = {service: count - dead[service] for service, count in _dead_letters(stage).items()}
    assert not any(given_up.values()), f"messages were given up: {given_up}"


def _paths(stage: Stage) -> list[str]:
    organisation = stage.tokens.organisation
    return [f"/orders?organisation_id={organisation}", f"/organisations/{organisation}/licences", "/me"]


def _dead_letters(stage: Stage) -> dict[str, int]:
    counts = {}
    for service in SERVICES:
        with stage.postgres.connect(service) as connection:
            row = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
            counts[service] = int(str(row[0])) if row else 0
    return counts


@contextlib.contextmanager
def _locked(stage: Stage, tables: Mapping[str, Sequence[str]]) -> Iterator[None]:
    with contextlib.ExitStack() as locks:
        for service, names in tables.items():
            connection = locks.enter_context(stage.postgres.connect(service))
            listed = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(listed))
            locks.callback(connection.rollback)
        yield


@contextlib.contextmanager
def _filled(stage: Stage) -> Iterator[int]:
    with contextlib.ExitStack() as sessions:
        admin = sessions.enter_context(psycopg.connect(stage.postgres.postgres.admin_url, autocommit=True))
        own: list[int] = []
        for _ in range(5):
            _take_all(stage, sessions, own)
            ended = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND NOT pid = ANY(%s)",
                [own],
            ).fetchone()
            if ended == (0,):
                break
        yield len(own)


def _take_all(stage: Stage, sessions: contextlib.ExitStack, own: list[int]) -> None:
    """Connect as a service until the server refuses."""
    address = stage.database("orders").replace("+psycopg", "")
    refusals = 0
    while refusals < RESERVE:
        try:
            session = psycopg.connect(address, connect_timeout=5, autocommit=True)
        except psycopg.OperationalError:
            refusals += 1  # a slot may come free in between: whoever was ended is still leaving
            continue
        sessions.callback(session.close)
        own.append(session.info.backend_pid)


FAULTS = [
    Fault(
        name="postgres-killed",
        injected="PostgreSQL: kill -9 of all processes, ten times",
        run=killed,
        seconds=75,
        short=True,
    ),
    Fault(name="postgres-frozen", injected="PostgreSQL frozen (SIGSTOP) for 30 s", run=frozen, seconds=60),
    Fault(
        name="postgres-locked",
        injected="LOCK TABLE: two services 30 s, the others 8 s",
        run=locked,
        seconds=85,
    ),
    Fault(name="postgres-exhausted", injected="no connections left for 25 s", run=exhausted, seconds=65),
]
