"""One unit of work: one session, one transaction, one deed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from libs.chassis.clock import Clock, SystemClock
from libs.chassis.ids import new_id
from libs.chassis.logging import correlated, correlation_id
from libs.contracts.base import Event
from libs.contracts.errors import Unauthenticated
from libs.messaging import outbox
from libs.messaging.envelope import Envelope
from libs.messaging.tables import JOBS_CHANNEL

if TYPE_CHECKING:
    # workers know no callers, and the library that verifies them takes nine megabytes
    from libs.chassis.principal import Principal

_WAKE = text("SELECT pg_notify(:channel, :job)")


def _new_correlation_id() -> str:
    """The id of the deed that this thread is at, or of a new one."""
    return correlation_id.get() or str(new_id())


@dataclass(kw_only=True)
class Work:
    """What a handler works with; the rim opens it, commits it, or rolls it back."""

    session: Session
    clock: Clock = field(default_factory=SystemClock)
    principal: "Principal | None" = None
    correlation_id: str = field(default_factory=_new_correlation_id)
    causation_id: str | None = None
    envelope: Envelope | None = None

    def __post_init__(self) -> None:
        self.session.info.update(correlation_id=self.correlation_id, causation_id=self.causation_id, now=self.clock.now)

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self.clock.now()

    @property
    def caller(self) -> "Principal":
        """Who asks; raises :class:`Unauthenticated` where nobody does."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal

    @property
    def sequence(self) -> int | None:
        """The sender's version of the subject in the event being handled; drop the event if you know a later one."""
        return self.envelope.sequence if self.envelope else None

    def record(self, event: Event) -> None:
        """Record an event that has no aggregate."""
        outbox.record(self.session, event)

    @contextmanager
    def following(self, correlation_id: str | None) -> Iterator[None]:
        """Let what is recorded and logged inside the block belong to the deed with this id; None changes nothing."""
        before = self.correlation_id
        with correlated(correlation_id):
            self.correlation_id = self.session.info["correlation_id"] = correlation_id or before
            try:
                yield
                self.session.flush()  # events take the id of the moment at which they are written
            finally:
                self.correlation_id = self.session.info["correlation_id"] = before

    def wake(self, job: str) -> None:
        """Run the named job of this service as soon as this work is committed."""
        self.session.connection().execute(_WAKE, {"channel": JOBS_CHANNEL, "job": job})


class WorkFactory(Protocol):
    """Opens units of work: ``with open_work() as work:`` commits at the end, rolls back on any exception."""

    def __call__(
        self,
        *,
        principal: "Principal | None" = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        envelope: Envelope | None = None,
        read_only: bool = False,
    ) -> AbstractContextManager[Work]: ...


def work_factory(
    sessions: sessionmaker[Session],
    clock: Clock | None = None,
    *,
    read_sessions: sessionmaker[Session] | None = None,
) -> WorkFactory:
    """The factory of a process, over its session factory.

    ``read_sessions`` of an engine that is itself read-only spare a query the beginning and the end of a transaction.
    """
    the_clock = clock or SystemClock()

    @contextmanager
    def open_work(
        *,
        principal: "Principal | None" = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        envelope: Envelope | None = None,
        read_only: bool = False,
    ) -> Iterator[Work]:
        reading = read_sessions if read_only else None
        with (reading or sessions)() as session, session.begin():
            if read_only and reading is None:
                session.connection(execution_options={"postgresql_readonly": True})
            yield Work(
                session=session,
                clock=the_clock,
                principal=principal,
                correlation_id=correlation_id or _new_correlation_id(),
                causation_id=causation_id,
                envelope=envelope,
            )

    return open_work
