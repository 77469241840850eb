"""argon2id away from eventlet's hub: a hash holds a core for 20 ms, during which nobody else would be answered."""

import sys
import threading
import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from libs.contracts.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")

BUSY_SECONDS = 5


class PasswordHasher:
    """Hashes and verifies chosen passwords, at most ``slots`` at once and ``queue`` waiting ``patience`` seconds."""

    def __init__(
        self, *, memory_kib: int, passes: int, lanes: int, slots: int, queue: int, patience: float = 1.5
    ) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._nobodys = self._argon2.hash("a password of nobody")
        self._patience = patience
        self._slots = threading.BoundedSemaphore(slots)
        self._room = threading.BoundedSemaphore(slots + queue)

    def hash(self, password: str) -> str:
        """The digest to store; raises :class:`Unavailable` where too many wait."""
        return self._in_turn(self._argon2.hash, normalised(password))

    def verify(self, digest: str, password: str) -> bool:
        """Whether the password has this digest; raises :class:`Unavailable` where too many wait."""
        return self._in_turn(self._verify, digest, normalised(password))

    def waste(self, password: str) -> None:
        """Take as long as :meth:`verify`, where there is nothing to verify."""
        self._in_turn(self._verify, self._nobodys, normalised(password))

    def is_outdated(self, digest: str) -> bool:
        """Whether the digest was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(digest)

    def _verify(self, digest: str, password: str) -> bool:
        try:
            return self._argon2.verify(digest, password)
        except (VerificationError, InvalidHashError):
            return False

    def _in_turn(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self._room.acquire(blocking=False):
            raise Unavailable(retry_after=BUSY_SECONDS)
        try:
            if not self._slots.acquire(timeout=self._patience):
                raise Unavailable(retry_after=BUSY_SECONDS)
            try:
                return off_hub(work, *args, **kwargs)
            finally:
                self._slots.release()
        finally:
            self._room.release()


def normalised(password: str) -> str:
    """The password in NFKC: one and the same key press may arrive composed or decomposed (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def off_hub(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run it in a real thread where eventlet has patched this process, right here where it has not."""
    if "eventlet" not in sys.modules:
        return work(*args, **kwargs)
    from eventlet import patcher, tpool  # the worker and the loader never load it

    if not patcher.is_monkey_patched("thread"):
        return work(*args, **kwargs)
    result: R = tpool.execute(work, *args, **kwargs)
    return result
