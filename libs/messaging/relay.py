"""Relay: publishes what waits in the outbox, then marks it sent.

Several relays may run at once. Each claims *subjects* by locking the oldest unpublished row of each, so that the
events of one subject go out in order and by one relay at a time. A crash after the publishing and before the marking
sends some events again; every reader has an inbox.
"""

import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, text
from sqlalchemy.exc import SQLAlchemyError

from libs.chassis.clock import Clock, SystemClock
from libs.chassis.logging import get_logger
from libs.chassis.waits import broker_waits, process_waits
from libs.messaging import envelope, metrics
from libs.messaging.backoff import Backoff
from libs.messaging.envelope import Envelope
from libs.messaging.fail_points import reach
from libs.messaging.link import LinkDown
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.pulses import Pulse
from libs.messaging.topology import exchange_of, source_of

log = get_logger(__name__)

BATCH = 200

_CLAIM = text("""
    SELECT subject FROM outbox AS o
    WHERE published_at IS NULL
      AND subject <> ALL (CAST(:held AS text[]))
      AND NOT EXISTS (
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.published_at IS NULL AND earlier.subject = o.subject AND earlier.position < o.position
      )
    ORDER BY position LIMIT :batch FOR UPDATE SKIP LOCKED
""")
_WAITING = text("""
    SELECT id, type, subject, sequence, correlation_id, causation_id, occurred_at, payload FROM outbox
    WHERE published_at IS NULL AND subject = ANY (CAST(:subjects AS text[]))
    ORDER BY position LIMIT :batch
""")
_MARK = text("UPDATE outbox SET published_at = :now WHERE id = ANY (CAST(:sent AS uuid[]))")


class Relay:
    """Forwards the outbox of one database in a thread of its own."""

    def __init__(self, engine: Engine, publisher: Publisher, *, clock: Clock | None = None, batch: int = BATCH) -> None:
        self._engine = engine
        self._publisher = publisher
        self._clock = clock or SystemClock()
        self._batch = batch
        self._held: dict[str, float] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self.pulse = Pulse("relay")
        self.pulse.of(self._thread)

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Finish the batch in hand and end."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)

    @property
    def running(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look now: something was committed."""
        self._wake.set()

    def forward(self) -> int:
        """Publish one batch; how many rows were marked sent. Raises :class:`LinkDown` or a database error."""
        with self._engine.begin() as connection:
            rows = self._claim(connection)
            if not rows:
                return 0
            reach("relay.before_publish")
            outcomes = self._publisher.publish([parcel_of(row) for row in rows], timeout=broker_waits().confirm_timeout)
            reach("relay.after_publish")
            sent = self._sort(rows, outcomes)
            if sent:
                connection.execute(_MARK, {"now": self._clock.now(), "sent": sent})
        metrics.published.inc(len(sent))
        return len(sent)

    def _claim(self, connection: Connection) -> Sequence[RowMapping]:
        now = monotonic()
        self._held = {subject: until for subject, until in self._held.items() if until > now}
        claim = {"held": list(self._held), "batch": self._batch}
        subjects = list(connection.execute(_CLAIM, claim).scalars())
        if not subjects:
            return []
        return connection.execute(_WAITING, {"subjects": subjects, "batch": self._batch}).mappings().all()

    def _sort(self, rows: Sequence[RowMapping], outcomes: Sequence[Outcome]) -> list[Any]:
        sent = []
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome is Outcome.SENT:
                sent.append(row["id"])
                continue
            self._held[row["subject"]] = monotonic() + broker_waits().hold
            metrics.unroutable.inc()
            log.error("event cannot be published", outcome=outcome.value, type=row["type"], event_id=str(row["id"]))
        return sent

    def _run(self) -> None:
        backoff = Backoff()
        poll, gather = process_waits().relay_poll, process_waits().relay_gather
        while not self._stopping.is_set():
            self.pulse.beat()
            try:
                sent = self.forward() if self._publisher.wait_connected(poll) else 0
                backoff.reset()
            except (LinkDown, SQLAlchemyError) as error:
                log.warning("relay waits", reason=type(error).__name__)
                self._stopping.wait(backoff.next())
                continue
            except Exception:
                log.exception("relay failed")
                self._stopping.wait(backoff.next())
                continue
            if not sent:
                self.pulse.rest(self._wake, poll)
            elif sent < self._batch // 4:
                # to claim and to mark costs as much for one event as for twenty
                self._stopping.wait(gather)
            self._wake.clear()


def parcel_of(row: Mapping[Any, Any]) -> Parcel:
    """The message that a row of the outbox becomes; ``row`` has its columns by name."""
    event = Envelope(
        id=row["id"],
        type=row["type"],
        source=source_of(row["type"]),
        subject=row["subject"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        sequence=row["sequence"],
        data=row["payload"],
    )
    return Parcel(
        exchange=exchange_of(event.type),
        routing_key=event.type,
        body=envelope.body_of(event),
        properties=envelope.properties_of(event),
    )
