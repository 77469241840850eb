"""Pushes to waiting pages: a server-sent event when something they wait for has happened.

A stream holds a thread, so there are only so many for each process; one more is told 503 and its page asks again by
itself every few seconds. A stream ends with ``settled`` when nothing is left to wait for, and the page loads anew.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from flask import Response, current_app, stream_with_context

from gateway.clients.base import Subscription
from libs.chassis.metrics import Gauge
from libs.contracts.base import Event
from libs.contracts.errors import ServiceError, Unavailable

LOOK_EVERY = 5.0
"""Seconds after which a stream looks for itself, should a broadcast have been lost."""

OPEN = Gauge("gateway_streams", "Pushes to browsers that are open.", multiprocess_mode="livesum")


class Streams:
    """Counts the open streams of this process and ends them all when it stops."""

    def __init__(self, most: int) -> None:
        self._slots = threading.BoundedSemaphore(most)
        self.stopping = threading.Event()

    def take(self) -> Callable[[], None]:
        """Take a slot; gives what frees it again. Raises ``Unavailable`` where none is free."""
        if self.stopping.is_set() or not self._slots.acquire(blocking=False):
            raise Unavailable("too_many_streams", "Too many pages are waiting.")
        OPEN.inc()
        return self._free

    def _free(self) -> None:
        OPEN.dec()
        self._slots.release()


def push(event: type[Event], subject: str, *, until: datetime, settled: Callable[[], bool]) -> Response:
    """Tell the browser ``changed`` at every event about the subject, and ``settled`` at the end or after ``until``."""
    streams: Streams = current_app.extensions["streams"]
    with ExitStack() as stack:
        stack.callback(streams.take())
        subscription = stack.enter_context(current_app.extensions["bus"].subscribe(event, subject))
        answer = Response(
            stream_with_context(_lines(subscription, streams.stopping, until, settled)), mimetype="text/event-stream"
        )
        # Freed when the answer is over, whether or not the browser ever read a line of it.
        answer.call_on_close(stack.pop_all().close)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _lines(
    subscription: Subscription, stopping: threading.Event, until: datetime, settled: Callable[[], bool]
) -> Iterator[str]:
    yield "retry: 3000\n\n"
    event: Event | None = None
    while not stopping.is_set():
        if _is(settled):
            break
        yield "event: changed\ndata: {}\n\n" if event else ": waiting\n\n"
        left = (until - datetime.now(UTC)).total_seconds()
        if left <= 0:
            break
        event = subscription.get(min(LOOK_EVERY, left))
    if not stopping.is_set():
        yield "event: settled\ndata: {}\n\n"


def _is(settled: Callable[[], bool]) -> bool:
    try:
        return settled()
    except Unavailable:
        return False
    except ServiceError:
        # It is gone or no longer ours: the page itself will say so.
        return True
