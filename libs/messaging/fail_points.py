"""Fail points: named places between two steps at which a process may be told to die, to prove that it may die there.

``FAIL_AT=consumer.after_effect`` in the environment kills the process (SIGKILL: nothing is tidied up) when it first
comes to that place, ``FAIL_AT=consumer.after_effect@3`` when it comes there for the third time. With
``FAIL_ONCE_FILE=<path>`` it dies only if that file is not there yet, and makes it first, so that the process that is
started in its place goes on. Without ``FAIL_AT`` a place costs one comparison.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from libs.chassis.logging import get_logger

log = get_logger(__name__)

NAMES: Mapping[str, str] = {
    "relay.before_publish": "the events are committed and claimed, the broker knows nothing of them",
    "relay.after_publish": "the broker has confirmed the events, the outbox does not say so",
    "consumer.after_effect": "the handlers have committed, the event is not acknowledged",
    "consumer.after_pass_on": "the event waits in a retry or dead-letter queue, and is not acknowledged here",
    "rpc.after_effect": "a command is committed, nobody has been answered",
    "rpc.after_reply": "the answer to a command is sent, the request is not acknowledged",
    "job.after_talk": "the mail server or push provider has answered, nothing is written down",
}
"""Every place with what has been done there and what has not."""


class _Plan:
    """Where this process is to die, and at which visit."""

    def __init__(self, name: str, visit: int, once_file: Path | None) -> None:
        self.name = name
        self._left = visit
        self._once_file = once_file
        self._lock = threading.Lock()

    def visit(self, name: str) -> None:
        if name != self.name:
            return
        with self._lock:
            self._left -= 1
            if self._left != 0 or not self._first():
                return
            log.critical("dies at a fail point, as FAIL_AT says", fail_point=name)
            os.kill(os.getpid(), signal.SIGKILL)

    def _first(self) -> bool:
        if self._once_file is None:
            return True
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._once_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return True
        return False


def plan_of(environment: Mapping[str, str]) -> _Plan | None:
    """The plan of an environment, or none; raises :class:`ValueError` for a place or a visit that there is not."""
    wanted = environment.get("FAIL_AT")
    if not wanted:
        return None
    name, _, visit = wanted.partition("@")
    if name not in NAMES or not (visit or "1").isdecimal() or int(visit or "1") < 1:
        raise ValueError(f"FAIL_AT={wanted} names no fail point; there are {', '.join(NAMES)}")
    once_file = environment.get("FAIL_ONCE_FILE")
    return _Plan(name, int(visit or "1"), Path(once_file) if once_file else None)


_plan = plan_of(os.environ)


def reach(name: str) -> None:
    """Say that the process has come to a place; most often nothing happens."""
    if _plan is not None:
        _plan.visit(name)
