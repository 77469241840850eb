"""Signs of life of the threads of a process, so that one that is stuck is noticed and not only one that has ended."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from libs.chassis.waits import process_waits
from libs.messaging.work import Work, WorkFactory

LONGEST_PAUSE = 2.0
"""Seconds that a thread rests at once; then it gives a sign and rests on."""


class Stuck(Exception):
    """A thread has given no sign of life for too long, or has ended."""


class Pulse:
    """The pulse of one thread, which calls :meth:`beat` between any two steps that are bounded themselves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._beaten_at = monotonic()
        self._thread: threading.Thread | None = None

    def of(self, thread: threading.Thread) -> None:
        """Tell whose pulse this is; one that has ended is noticed at once."""
        self._thread = thread

    def beat(self) -> None:
        """Give a sign of life."""
        self._beaten_at = monotonic()

    def rest(self, until: threading.Event, seconds: float) -> bool:
        """Wait for an event up to so many seconds, without being taken for dead; whether it came."""
        end = monotonic() + seconds
        while not until.wait(max(0.0, min(LONGEST_PAUSE, end - monotonic()))):
            self.beat()
            if monotonic() >= end:
                return False
        self.beat()
        return True

    def check(self) -> None:
        """Raise :class:`Stuck` where the last sign of life is too old."""
        if self._thread is not None and self._thread.ident is not None and not self._thread.is_alive():
            raise Stuck(f"{self.name} has ended")
        if monotonic() - self._beaten_at > process_waits().health_stuck_after:
            raise Stuck(f"{self.name} does nothing")


def beating(open_work: WorkFactory, pulse: Pulse) -> WorkFactory:
    """The factory again, each unit of work of which is a sign of life: a long job consists of many."""

    @contextmanager
    def opened(**options: Any) -> Iterator[Work]:
        pulse.beat()
        with open_work(**options) as work:
            yield work
        pulse.beat()

    return opened
