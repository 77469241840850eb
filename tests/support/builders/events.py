"""Events as a service's worker hears them, handed to its handlers without a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from libs.chassis.ids import new_id
from libs.contracts.base import Event, dump
from libs.messaging.envelope import Envelope
from libs.messaging.worker import Subscriptions
from tests.support.databases import ServiceDatabase


def an_envelope(
    database: ServiceDatabase, event: Event, *, id: UUID | None = None, sequence: int | None = 1
) -> Envelope:
    """The stamp around an event that happened just now."""
    return Envelope(
        id=id or new_id(),
        type=event.TYPE,
        source=event.TYPE.partition(".")[0],
        subject=str(getattr(event, event.SUBJECT)),
        time=database.clock.now(),
        correlation_id="test",
        causation_id=None,
        sequence=sequence,
        data=dump(event),
    )


def deliver(
    database: ServiceDatabase,
    subscriptions: Subscriptions,
    event: Event,
    *,
    id: UUID | None = None,
    sequence: int | None = 1,
) -> UUID:
    """Run the handlers of an event, each in a unit of work of its own, and no inbox before them; the event's id.

    So a second delivery reaches the handlers themselves, as it would after the inbox forgot the first.
    """
    envelope = an_envelope(database, event, id=id, sequence=sequence)
    handlers: Any = subscriptions[type(event)]
    for handler in handlers if isinstance(handlers, Sequence) else [handlers]:
        with database.open_work(correlation_id="test", causation_id=str(envelope.id), envelope=envelope) as work:
            handler(work, event)
    return envelope.id


def recorded(database: ServiceDatabase, kind: type[Event]) -> list[Mapping[str, Any]]:
    """What the service has told of this kind, oldest first, as it stands in its outbox."""
    from sqlalchemy import select

    from libs.messaging.tables import outbox

    with database.sessions() as session:
        rows = session.scalars(select(outbox.c.payload).where(outbox.c.type == kind.TYPE).order_by(outbox.c.position))
        return list(rows)
