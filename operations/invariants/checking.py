"""Checks all invariants of an installation, or tells what is not settled in it yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg

from operations.installation import Installation
from operations.invariants import answers, money, outboxes, queues, receipts, sagas, seats, told
from operations.invariants.broker import look_at_queues
from operations.invariants.dead import dead_letters_of
from operations.invariants.looking import TOLD, Invariant, Seen, World, kept
from operations.invariants.quiet import unsettled
from operations.invariants.report import Breach, Report, Row
from operations.invariants.snapshots import Snapshots, Unreadable

RECENT = timedelta(hours=1)
"""An event that was published longer ago and has no receipt is not under way any more, but lost."""

INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted(
        (
            invariant
            for module in (outboxes, told, receipts, queues, seats, money, sagas, answers)
            for invariant in module.INVARIANTS
        ),
        key=lambda one: int(one.group.removeprefix("I")),
    )
)
"""Every invariant, in the order of the table."""


def check(installation: Installation, *, now: datetime | None = None, quiet: bool = True) -> Report:
    """Check every invariant at ``now``; raises :class:`Unreadable` where something cannot be looked at.

    ``quiet`` says that nothing is on its way, so that nothing is excused by its age; see :func:`under_way`. On a busy
    installation, with ``quiet=False``, events have the time of the whole retry ladder, and queues may be filled.
    """
    report = Report()
    with _world(installation, now or datetime.now(UTC), quiet=quiet, reach=kept()) as world:
        for invariant in INVARIANTS:
            began = time.monotonic()
            seen = _see(invariant, world)
            report.rows.append(
                Row(
                    invariant=invariant.key,
                    says=invariant.says,
                    checked=seen.checked,
                    breaches=seen.wrong,
                    seconds=time.monotonic() - began,
                )
            )
            report.breaches += [
                Breach(invariant=invariant.key, service=service, subject=subject, detail=detail)
                for service, subject, detail in seen.told[:TOLD]
            ]
    return report


def under_way(installation: Installation) -> list[str]:
    """What is not settled yet, in words; empty where the installation is quiet."""
    with _world(installation, datetime.now(UTC), quiet=True, reach=RECENT) as world:
        return list(unsettled(world))


@contextmanager
def _world(installation: Installation, now: datetime, *, quiet: bool, reach: timedelta) -> Iterator[World]:
    try:
        with Snapshots(installation.databases) as snapshots:
            yield World(
                snapshots=snapshots,
                queues=look_at_queues(installation),
                dead_letters={service: dead_letters_of(connection) for service, connection in snapshots.then.items()},
                now=now,
                quiet=quiet,
                reach=reach,
            )
    except psycopg.Error as error:
        raise Unreadable(f"A database could not be read to the end: {str(error).strip()}") from error


def _see(invariant: Invariant, world: World) -> Seen:
    all_seen = Seen()
    for look in invariant.looks:
        seen = look.see(world)
        all_seen.checked += seen.checked
        all_seen.wrong += seen.wrong
        all_seen.told += seen.told
    return all_seen
