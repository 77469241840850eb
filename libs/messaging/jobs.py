"""Timed deeds and the threads that run them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from libs.chassis.ids import new_id
from libs.chassis.logging import correlation_id, get_logger
from libs.contracts.base import Event
from libs.messaging import faults, metrics
from libs.messaging.backoff import Backoff
from libs.messaging.pulses import Pulse, beating
from libs.messaging.work import WorkFactory

log = get_logger(__name__)

Handler = Callable[..., None]
"""``(work: Work, event: SomeEvent) -> None``, run inside a transaction."""

Subscriptions = Mapping[type[Event], Handler | Sequence[Handler]]
"""Event class → its handler, or several that succeed or fail each on their own."""


@dataclass(frozen=True)
class NamedHandler:
    """A handler with the name it has in the inbox: renaming it makes it a new reader of redelivered events."""

    name: str
    run: Handler

    @classmethod
    def of(cls, handler: Handler) -> "NamedHandler":
        """Name a handler by its module and itself: ``pools.grant_seats``."""
        return cls(f"{handler.__module__.rpartition('.')[2]}.{handler.__qualname__}", handler)


class Job:
    """A timed deed.

    ``run(work) -> bool | None`` runs in one transaction and is repeated at once while it returns True. With
    ``transactional=False`` it is given a :class:`~libs.messaging.work.WorkFactory` and opens its own units of work,
    so that no transaction is open while it talks to an outside party.
    """

    def __init__(
        self, name: str, *, every: timedelta, run: Callable[[Any], bool | None], transactional: bool = True
    ) -> None:
        self.name = name
        self.every = every
        self.run = run
        self.transactional = transactional


class JobRunner:
    """Runs one job in a thread of its own: when it is time, when it is woken, and again while there is more to do."""

    def __init__(self, job: Job, open_work: WorkFactory) -> None:
        self.job = job
        self.pulse = Pulse(f"job {job.name}")
        self._open_work = beating(open_work, self.pulse)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"job-{job.name}", daemon=True)
        self.pulse.of(self._thread)

    def start(self) -> None:
        """Begin; the first run is at once."""
        self._thread.start()

    def wake(self) -> None:
        """Run as soon as possible."""
        self._wake.set()

    def stop(self) -> None:
        """Let the present run finish and begin no other."""
        self._stopping.set()
        self._wake.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; false where it did not come in time."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def run_once(self) -> bool:
        """One run; true where there is more to do."""
        run_id = str(new_id())
        token = correlation_id.set(run_id)
        try:
            with metrics.job_seconds.labels(self.job.name).time():
                if not self.job.transactional:
                    return bool(self.job.run(self._open_work))
                with self._open_work(correlation_id=run_id) as work:
                    return bool(self.job.run(work))
        finally:
            correlation_id.reset(token)

    def _run(self) -> None:
        backoff = Backoff(first=1.0, most=max(1.0, min(60.0, self.job.every.total_seconds())))
        while not self._stopping.is_set():
            self._wake.clear()
            self.pulse.beat()
            try:
                more = self.run_once()
                metrics.job_runs.labels(self.job.name, "done").inc()
                backoff.reset()
            except Exception as error:
                metrics.job_runs.labels(self.job.name, "failed").inc()
                self._tell(error)
                self.pulse.rest(self._stopping, backoff.next())
                continue
            if not more:
                self.pulse.rest(self._wake, self.job.every.total_seconds())

    def _tell(self, error: Exception) -> None:
        if faults.is_outage(error) or faults.is_overload(error) or faults.is_collision(error):
            log.warning("job will be tried again", job=self.job.name, reason=str(faults.describe(error)))
        else:
            log.error("job failed", job=self.job.name, **faults.for_log(error))
