"""The one place where tests poll."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], timeout: float = 10, *, every: float = 0.05) -> T:
    """Call the probe until it returns something true and return that; a failing assertion in it counts as "not yet".

    After `timeout` seconds the probe's last AssertionError is raised, or one that shows what it last returned.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            result = probe()
            failure = None
        except AssertionError as error:
            failure = error
        if failure is None and result:
            return result
        if time.monotonic() >= deadline:
            raise failure or AssertionError(f"after {timeout} s the probe still returned {result!r}")
        time.sleep(every)
