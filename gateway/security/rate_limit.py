"""A small token bucket for each address, in this process; the services count failures of accounts themselves."""

import functools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import current_app, request

from libs.contracts.errors import RateLimited

P = ParamSpec("P")
R = TypeVar("R")
MOST_ADDRESSES = 20_000


class Buckets:
    """``per_minute`` deeds of one key, up to as many at once; 0 means no limit."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._now = now
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one; 0 where it was there, else the seconds until it will be."""
        if not self._size:
            return 0.0
        with self._lock:
            now = self._now()
            level, since = self._levels.pop(key, (self._size, now))
            level = min(self._size, level + (now - since) * self._size / 60)
            allowed = level >= 1
            self._levels[key] = (level - 1 if allowed else level, now)
            while len(self._levels) > MOST_ADDRESSES:
                self._levels.popitem(last=False)
            return 0.0 if allowed else (1 - level) * 60 / self._size


def limited(name: str, *methods: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Limit how often one address may use this route (only these methods, where some are named)."""

    def wrap(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            if not methods or request.method in methods:
                wait = current_app.extensions["buckets"][name].take(request.remote_addr or "")
                if wait:
                    raise RateLimited(retry_after=math.ceil(wait))
            return view(*args, **kwargs)

        return counted

    return wrap
