"""Carries callbacks to the vendor in its own thread: late, lost, doubled or out of order when asked to."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any

import requests

from .provider import Provider, Push, Status

PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 1.0
TICK_SECONDS = 0.5
log = logging.getLogger("simulators.push_app")


@dataclass(kw_only=True)
class Letter:
    """One callback to be posted."""

    url: str
    body: dict[str, Any]
    tries_left: int


class Postman:
    """A heap of letters by due time and one thread that also lets pushes expire."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._heap: list[tuple[float, int, Letter]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)
        provider.on_change = self.announce

    def start(self) -> None:
        """Begins to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Stops after the letter in hand."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout=PATIENCE_SECONDS + 1)

    def announce(self, push: Push) -> None:
        """Plans the callbacks that follow a change of a push."""
        behaviour = self._provider.behaviour
        if behaviour.callback_lost or not push.callback_url:
            return
        for copy in range(behaviour.callback_copies):
            self.send(push, push.status, delay=behaviour.callback_delay_seconds + copy * 0.05)
        if behaviour.callback_out_of_order:
            self.send(push, Status.PENDING, delay=behaviour.callback_delay_seconds + 0.2)

    def send(self, push: Push, status: int, *, delay: float = 0.0) -> None:
        """Plans one callback that says `status`, true or not."""
        behaviour = self._provider.behaviour
        letter = Letter(
            url=f"{(push.callback_url or '').rstrip('/')}/document/ready",
            body={
                "transactionID": behaviour.callback_transaction_id(push.transaction_id),
                "status": status,
                "rejectReason": push.reject_reason,
            },
            tries_left=behaviour.callback_retries,
        )
        self._plan(letter, delay)

    def _plan(self, letter: Letter, delay: float) -> None:
        with self._wake:
            heapq.heappush(self._heap, (monotonic() + delay, next(self._order), letter))
            self._wake.notify()

    def _run(self) -> None:
        while (letter := self._next()) is not None or not self._stopping:
            self._provider.expire_due()
            if letter is not None:
                self._deliver(letter)

    def _next(self) -> Letter | None:
        with self._wake:
            if self._stopping:
                return None
            wait = min(self._heap[0][0] - monotonic(), TICK_SECONDS) if self._heap else TICK_SECONDS
            if wait > 0:
                self._wake.wait(wait)
            if self._heap and self._heap[0][0] <= monotonic():
                return heapq.heappop(self._heap)[2]
        return None

    def _deliver(self, letter: Letter) -> None:
        entry: dict[str, Any] = {"at": self._provider.clock.now().isoformat(), "url": letter.url, "body": letter.body}
        try:
            response = requests.post(letter.url, json=letter.body, timeout=PATIENCE_SECONDS)
            entry["status"] = response.status_code
            accepted = response.ok
        except requests.RequestException as error:
            entry["error"] = type(error).__name__
            accepted = False
        self._provider.callbacks.append(entry)
        log.info("callback for %s answered %s", letter.body["transactionID"], entry.get("status", "nothing"))
        if not accepted and letter.tries_left > 0:
            letter.tries_left -= 1
            self._plan(letter, RETRY_SECONDS)
