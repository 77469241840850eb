"""The dead letters as the services' tables hold them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from operations.invariants.snapshots import Connection, query

OPEN = ("waiting", "replaying")
MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One thing that a service gave up on."""

    event_id: UUID | None
    subject: str
    type: str
    reason: str
    status: str

    @property
    def open(self) -> bool:
        """Whether nobody has decided on it, or the replay is not over."""
        return self.status in OPEN

    @property
    def excuses(self) -> bool:
        """Whether its event need not have been handled."""
        return self.status != "replayed"

    def __str__(self) -> str:
        return f"{self.type} is {self.status} ({self.reason})"


def dead_letters_of(connection: Connection) -> list[DeadLetter]:
    """The newest dead letters of one service."""
    if connection.execute("SELECT to_regclass('dead_letters')").fetchone() == (None,):
        return []
    rows = connection.execute(
        query("SELECT event_id, subject, type, reason, status FROM dead_letters ORDER BY last_died_at DESC LIMIT %s"),
        [MOST],
    )
    return [
        DeadLetter(event_id=event_id, subject=subject, type=kind, reason=reason, status=status)
        for event_id, subject, kind, reason, status in rows
    ]
