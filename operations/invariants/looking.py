"""How an invariant looks: at one database, or at what one database says of another's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from libs.messaging.housekeeping import keep_days
from operations.invariants.broker import Queues
from operations.invariants.dead import DeadLetter
from operations.invariants.snapshots import Connection, Snapshots, query, stream

GRACE = timedelta(seconds=60)
"""On a busy installation, what is younger than this may still be on its way."""

TOLD = 50
"""So many breaches of one look are kept in words."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything an invariant may look at; ``quiet`` where nothing is on its way, so that nothing is excused by age."""

    snapshots: Snapshots
    queues: Queues
    dead_letters: Mapping[str, list[DeadLetter]]
    now: datetime
    quiet: bool
    reach: timedelta

    @cached_property
    def params(self) -> dict[str, Any]:
        """What statements are given: the moment, how far back events are looked at, and what must be settled."""
        floor_at = self.now - self.reach
        dead = {
            f"dead_{service}": [one.event_id for one in letters if one.excuses and one.event_id]
            for service, letters in self.dead_letters.items()
        }
        return {
            "now": self.now,
            "quiet": self.quiet,
            "floor_at": floor_at,
            "floor": first_id_of(floor_at),
            "settled": self.now + GRACE if self.quiet else self.now - GRACE,
            **dead,
        }


def kept() -> timedelta:
    """How far back every event is still in its outbox."""
    # an hour less than promised: nothing may vanish between two looks
    return timedelta(days=keep_days("outbox")) - timedelta(hours=1)


def question(connection: Connection, sql: str, params: Mapping[str, Any]) -> int:
    """The one number that a statement gives."""
    row = connection.execute(query(sql), params).fetchone()
    return int(row[0]) if row else 0


def first_id_of(at: datetime) -> UUID:
    """The smallest UUIDv7 of a moment: ids that are greater were made later."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))


@dataclass(kw_only=True)
class Seen:
    """What a look saw: how much, how much of it is wrong, and the first of that in words."""

    checked: int = 0
    wrong: int = 0
    told: list[tuple[str, str, str]] = field(default_factory=list)
    """Service, subject, detail."""

    def add(self, service: str, rows: list[tuple[Any, ...]]) -> None:
        """Take in rows of subject, detail, and how many there are."""
        if rows:
            self.wrong += rows[0][2]
            self.told += [(service, str(subject), str(detail)) for subject, detail, _ in rows]


class Look(Protocol):
    """One way to look."""

    def see(self, world: World) -> Seen:
        """Count what was looked at and what is wrong."""
        ...


@dataclass(frozen=True, kw_only=True)
class Within:
    """A rule inside one database: ``counted`` gives one number, ``broken`` gives subject and detail of each breach."""

    service: str
    counted: str
    broken: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def see(self, world: World) -> Seen:
        """Ask the two questions of one snapshot."""
        connection, params = world.snapshots.first[self.service], {**world.params, **self.params}
        seen = Seen(checked=question(connection, self.counted, params))
        seen.add(self.service, connection.execute(query(_counted(self.broken)), params).fetchall())
        return seen


@dataclass(frozen=True, kw_only=True)
class Across:
    """A rule across two databases: the ``rows`` of one are looked for in another, as the table ``carried``.

    ``columns`` names them with their types. ``broken`` is asked in the target and gives subject and detail; a breach is
    the target's unless ``blames_source``.
    """

    source: str
    rows: str
    columns: Mapping[str, str]
    target: str
    broken: str
    blames_source: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)

    def see(self, world: World) -> Seen:
        """Carry the rows over in batches; no row is looked at on the way."""
        params = {**world.params, **self.params}
        arrays = ", ".join(f"%(carried_{name})s::{kind}[]" for name, kind in self.columns.items())
        carried = f"WITH carried AS (SELECT * FROM unnest({arrays}) AS carried({', '.join(self.columns)}))"
        search = query(_counted(self.broken, carried))
        target, seen = world.snapshots.then[self.target], Seen()
        for rows in stream(world.snapshots.first[self.source], self.rows, params):
            values = zip(self.columns, zip(*rows, strict=True), strict=True)
            given = {f"carried_{name}": list(column) for name, column in values}
            seen.checked += len(rows)
            found = target.execute(search, {**params, **given}).fetchall()
            seen.add(self.source if self.blames_source else self.target, found)
        return seen


def _counted(broken: str, before: str = "") -> str:
    return f"{before} SELECT subject, detail, count(*) OVER () FROM ({broken}) AS broken(subject, detail) LIMIT {TOLD}"


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """A promise with a name; ``group`` is its number in docs/guarantees.md."""

    group: str
    name: str
    says: str
    looks: tuple[Look, ...]

    @property
    def key(self) -> str:
        """Number and name."""
        return f"{self.group} {self.name}"
