"""Starts again what has ended, as an orchestrator does: after a pause that grows while the program keeps dying."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.stack import RunningStack

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
GOOD_LIFE = 10.0
"""Seconds after which a program that dies is started again after the first pause."""
LOOK_EVERY = 0.1


@dataclass(frozen=True, kw_only=True)
class Exit:
    """A program that ended without having been told to."""

    name: str
    code: int | None

    @property
    def by_itself(self) -> bool:
        """Whether nobody killed it: a process that gives up by itself is never right."""
        return self.code != -signal.SIGKILL


@dataclass
class _Watched:
    born: float = 0.0
    pause: float = FIRST_PAUSE
    due: float | None = None


class Supervisor:
    """Watches the programs of a running stack in a thread of its own."""

    def __init__(self, running: RunningStack) -> None:
        self._running = running
        self._watched: dict[str, _Watched] = {}
        self._held: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.restarts: Counter[str] = Counter()
        self.exits: list[Exit] = []

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """Leave these programs alone while the block lasts: their exits are expected."""
        with self._lock:
            self._held.update(names)
        try:
            yield
        finally:
            with self._lock:
                self._held.subtract(names)
                for name in names:
                    self._watched.pop(name, None)

    def exits_by_themselves(self, since: int = 0) -> list[Exit]:
        """The programs that ended though nobody killed them; `since` is a place in `exits`."""
        return [one for one in self.exits[since:] if one.by_itself]

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            with self._lock:
                for name in list(self._running.children):
                    if self._held[name] <= 0:
                        self._look_at(name)

    def _look_at(self, name: str) -> None:
        now, child = time.monotonic(), self._running.children.get(name)
        if child is None:
            return  # taken away a moment ago
        watched = self._watched.setdefault(name, _Watched(born=now))
        if child.running:
            if now - watched.born > GOOD_LIFE:
                watched.pause = FIRST_PAUSE
            return
        if watched.due is None:
            self.exits.append(Exit(name=name, code=child.exit_code))
            watched.due = now + watched.pause
            watched.pause = min(watched.pause * 2, LONGEST_PAUSE)
        elif now >= watched.due:
            self._running.start_program(name)
            self.restarts[name] += 1
            watched.born, watched.due = now, None
