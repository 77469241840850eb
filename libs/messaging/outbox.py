"""Transactional outbox: what an aggregate records is written in the flush that writes the aggregate itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, event, func, insert, inspect
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.base import Event, dump
from libs.messaging.tables import OUTBOX_CHANNEL, outbox

if TYPE_CHECKING:
    from sqlalchemy.orm import UOWTransaction

_PENDING = "messaging.pending"
# the wake-up goes along with the insert: a round trip less for every command
_WRITE = insert(outbox).returning(func.pg_notify(OUTBOX_CHANNEL, ""))


class Aggregate:
    """Mixin of every root entity: an optimistic lock (``version``) and the events it records about itself.

    Each recorded event takes the next version as its ``sequence``: a reader can drop what is older than it knows.
    """

    version: Mapped[int] = mapped_column(BigInteger, nullable=False)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version, "version_id_generator": False}

    def record(self, event: Event) -> None:
        """Tell the world what happened, if and when the unit of work commits."""
        self.version = (self.version or 0) + 1
        self.__dict__.setdefault("_recorded", []).append((event, self.version))


def record(session: Session, event: Event) -> None:
    """Record an event that has no aggregate; it has no sequence and no order among its like."""
    _insert(session, [_row(session, event, None)])


def _aggregates(session: Session) -> Iterator[Aggregate]:
    for instances in (session.new, session.dirty, session.deleted):
        yield from (one for one in instances if isinstance(one, Aggregate))


@event.listens_for(Session, "before_flush")
def _count_versions(session: Session, _context: "UOWTransaction", _instances: object) -> None:
    pending: list[tuple[Event, int]] = session.info.setdefault(_PENDING, [])
    for aggregate in _aggregates(session):
        pending.extend(aggregate.__dict__.pop("_recorded", ()))
        if aggregate in session.new:
            aggregate.version = aggregate.version or 1
        elif session.is_modified(aggregate) and not inspect(aggregate).attrs.version.history.has_changes():
            aggregate.version += 1


@event.listens_for(Session, "after_flush")
def _write_outbox(session: Session, _context: "UOWTransaction") -> None:
    # after the aggregates' own rows: their locks are held by now, so positions follow the order of commits
    if pending := session.info.pop(_PENDING, None):
        _insert(session, [_row(session, event, sequence) for event, sequence in pending])


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: object) -> None:
    session.info.pop(_PENDING, None)
    for instance in session.identity_map.values():
        instance.__dict__.pop("_recorded", None)


def _row(session: Session, event: Event, sequence: int | None) -> dict[str, Any]:
    now = session.info.get("now")
    return {
        "id": new_id(),
        "type": event.TYPE,
        "subject": str(getattr(event, event.SUBJECT)),
        "sequence": sequence,
        "correlation_id": session.info.get("correlation_id") or str(new_id()),
        "causation_id": session.info.get("causation_id"),
        "occurred_at": now() if now else datetime.now(UTC),
        "payload": dump(event),
    }


def _insert(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection().execute(_WRITE, rows if len(rows) > 1 else rows[0])
