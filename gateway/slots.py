"""How many may do something at once, in the order in which they came."""

import threading
import time
from collections import deque


class Turns:
    """A counter of free places that serves who came first: a semaphore lets the luckiest pass, and others starve."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._row: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    def take(self, timeout: float) -> bool:
        """Take a place, waiting up to so many seconds for it; whether there was one."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._row.append(turn)
        if turn.wait(timeout):
            return True
        with self._lock:
            if turn.is_set():
                return True  # it came at the last moment
            self._row.remove(turn)
        return False

    def give(self) -> None:
        """Give a place back, to the first who waits."""
        with self._lock:
            if self._row:
                self._row.popleft().set()
            else:
                self._free += 1


class Slots:
    """How many questions may be under way: to all services together, and to each, so that a slow one harms no other."""

    def __init__(self, most: int, *, each: int) -> None:
        self._each = each
        self._all = Turns(most)
        self._of: dict[str, Turns] = {}

    def take(self, service: str, timeout: float) -> bool:
        """Take a slot, waiting up to so many seconds for it; whether there was one."""
        until = time.monotonic() + timeout
        own = self._of.setdefault(service, Turns(self._each))
        if not own.take(timeout):
            return False
        if self._all.take(max(0.0, until - time.monotonic())):
            return True
        own.give()
        return False

    def free(self, service: str) -> None:
        """Give the slot back."""
        self._all.give()
        self._of[service].give()
