"""A circuit breaker: a provider that fails again and again is left alone for a while."""

import threading
import time
from collections.abc import Callable


class Circuit:
    """Opens after ``limit`` failures in a row; after ``rest`` seconds lets one call through to try."""

    def __init__(self, limit: int = 5, rest: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._closed_again_at = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are being held back."""
        return self._failures >= self._limit

    def lets_through(self) -> bool:
        """Whether this call may be made; of several waiting, one tries and the others keep waiting."""
        with self._lock:
            if not self.is_open:
                return True
            if self._clock() < self._closed_again_at:
                return False
            self._closed_again_at = self._clock() + self._rest
            return True

    def succeeded(self) -> bool:
        """The provider works; whether the circuit was open until now."""
        with self._lock:
            was_open, self._failures = self.is_open, 0
            return was_open

    def failed(self) -> bool:
        """It does not; whether this opened the circuit."""
        with self._lock:
            was_open = self.is_open
            self._failures += 1
            if self.is_open:
                self._closed_again_at = self._clock() + self._rest
            return self.is_open and not was_open
