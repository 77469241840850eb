"""The worker process of a service: consumer, relay and jobs, each in threads of its own.

``services/<service>/worker.py`` declares ``SUBSCRIPTIONS`` and ``JOBS`` with the names found here.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

from sqlalchemy import Engine

from libs.chassis.clock import Clock, SystemClock
from libs.chassis.database import session_factory
from libs.chassis.logging import get_logger
from libs.chassis.waits import process_waits
from libs.messaging import dead_letters, housekeeping, metrics, replaying
from libs.messaging.consumer import LANES, PREFETCH, Consumer
from libs.messaging.figures import Figures
from libs.messaging.jobs import Handler, Job, JobRunner, Subscriptions
from libs.messaging.keeper import Keeper
from libs.messaging.publisher import Publisher
from libs.messaging.pulses import Pulse
from libs.messaging.relay import Relay
from libs.messaging.topology import LADDER, declare_rpc
from libs.messaging.wakeups import Wakeups
from libs.messaging.work import work_factory

__all__ = ["Handler", "Job", "Subscriptions", "Worker"]

log = get_logger(__name__)


class NotConsuming(Exception):
    """The broker is there, and does not deliver to us."""


class Worker:
    """Runs everything a service does by itself."""

    def __init__(
        self,
        service: str,
        *,
        engine: Engine,
        probing: Engine | None = None,
        amqp_url: str,
        subscriptions: Subscriptions,
        jobs: Sequence[Job] = (),
        clock: Clock | None = None,
        ladder: Sequence[float] = LADDER,
        lanes: int = LANES,
        prefetch: int = PREFETCH,
    ) -> None:
        """``probing`` is the engine that ``/metrics`` asks; without it, that of the work."""
        self.service = service
        self._stopping = False
        self._figures = Figures(probing or engine)
        the_clock = clock or SystemClock()
        open_work = work_factory(session_factory(engine), the_clock)
        self.publisher = Publisher(
            amqp_url, name=f"{service}-worker publisher", on_open=lambda channel: self.consumer.declare(channel)
        )
        self.relay = Relay(engine, self.publisher, clock=the_clock)
        self.consumer = Consumer(
            service,
            amqp_url,
            subscriptions=subscriptions,
            open_work=open_work,
            publisher=self.publisher,
            lanes=lanes,
            prefetch=prefetch,
            ladder=ladder,
        )
        self.keeper = Keeper(service, amqp_url, open_work=open_work, declare=self._declare, clock=the_clock)
        own = (*housekeeping.JOBS, replaying.job(service, self.publisher))
        self._runners = {job.name: JobRunner(job, open_work) for job in (*jobs, *own)}
        self._wakeups = Wakeups(
            engine.url.render_as_string(hide_password=False),
            on_outbox=self.relay.wake,
            on_job=self._wake_job,
            on_connect=self._wake_all,
        )

    def start(self) -> None:
        """Start all threads; none of them needs the broker or the database to be there yet."""
        self.publisher.start()
        self.relay.start()
        self.consumer.start()
        self.keeper.start()
        self._wakeups.start()
        for runner in self._runners.values():
            runner.start()
        metrics.unpublished.set_function(self._figures.unpublished)
        metrics.letters_waiting.set_function(self._figures.letters, known=dead_letters.REASONS)
        metrics.letters_oldest.set_function(self._figures.oldest_letter)

    def stop(self, timeout: float | None = None) -> bool:
        """Finish what was begun and end; false where that took longer than ``timeout`` seconds."""
        self._stopping = True
        deadline = monotonic() + (process_waits().stop_seconds if timeout is None else timeout)

        def left() -> float:
            return max(0.1, deadline - monotonic())

        for runner in self._runners.values():
            runner.stop()
        drained = self.consumer.stop(left())
        for runner in self._runners.values():
            drained = runner.join(left()) and drained
        drained = self.keeper.stop(left()) and drained
        self._wakeups.stop(min(3.0, left()))
        self.relay.stop(left())
        self.publisher.stop(min(5.0, left()))
        return drained

    def readiness(self) -> dict[str, Callable[[], None]]:
        """The checks of ``/readyz`` that ask nobody else."""
        return {
            "broker": self._check_broker,
            "events": partial(self._check_consuming, self.consumer),
            "dead_letters": partial(self._check_consuming, self.keeper),
        }

    def liveness(self) -> dict[str, Callable[[], None]]:
        """The checks of ``/healthz``: each thread lives and has done something lately."""
        return {pulse.name: partial(self._check_pulse, pulse) for pulse in self._pulses()}

    def _check_pulse(self, pulse: Pulse) -> None:
        if not self._stopping:
            pulse.check()

    def _pulses(self) -> list[Pulse]:
        jobs = (runner.pulse for runner in self._runners.values())
        return [
            *self.consumer.pulses,
            self.publisher.pulse,
            self.relay.pulse,
            self.keeper.pulse,
            self._wakeups.pulse,
            *jobs,
        ]

    def _declare(self, channel: Any) -> None:
        self.consumer.declare(channel)
        declare_rpc(channel, self.service)

    def _check_broker(self) -> None:
        if not self.publisher.connected:
            raise ConnectionError

    @staticmethod
    def _check_consuming(part: Consumer | Keeper) -> None:
        if not part.consuming:
            raise NotConsuming

    def _wake_job(self, name: str) -> None:
        if runner := self._runners.get(name):
            runner.wake()
        else:
            log.warning("no such job to wake", job=name)

    def _wake_all(self) -> None:
        self.relay.wake()
        for runner in self._runners.values():
            if runner.job.every < timedelta(minutes=1):
                runner.wake()
