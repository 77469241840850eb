"""A load generator: many requests over a few kept connections, driven by one thread.

It writes prepared bytes and reads no more of an answer than its status and body, so that on a machine of two cores
most of the time is the server's. Figure and yardstick are driven by this same generator.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from deploy.local.machine import HOST

LONGEST_SILENCE = 30.0


class ServerWentAway(Exception):
    """A connection ended in the middle of a run, or nothing was heard for too long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back for the request of this place in the row."""

    place: int
    status: int
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Run:
    """All answers of one run, and how long it took from the first request to the last answer."""

    seconds: float
    answers: list[Answer]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds

    def require(self, *statuses: int) -> Run:
        """Refuse a run with any other answer: its rate would mean nothing."""
        for answer in self.answers:
            if answer.status not in statuses:
                raise AssertionError(f"answer {answer.place} was {answer.status}: {answer.body[:500]!r}")
        return self


def request(method: str, path: str, *, token: str = "", body: Any = None, key: str = "") -> bytes:
    """The bytes of a request; `key` is its Idempotency-Key."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Accept: application/json"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Idempotency-Key: {key}"] if key else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if body is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + content


def drive(port: int, requests: Iterable[bytes], *, connections: int, seconds: float | None = None) -> Run:
    """Send the requests, each connection its next one when it has its answer; with `seconds`, as many as fit."""
    row = enumerate(requests)
    lanes = [_Lane(socket.create_connection((HOST, port), timeout=LONGEST_SILENCE)) for _ in range(connections)]
    answers: list[Answer] = []
    with selectors.DefaultSelector() as selector:
        for lane in lanes:
            selector.register(lane.socket, selectors.EVENT_READ, lane)
        began = time.perf_counter()
        deadline = began + seconds if seconds is not None else None
        waiting = sum(lane.send_next(row, deadline) for lane in lanes)
        while waiting:
            ready = selector.select(LONGEST_SILENCE)
            if not ready:
                raise ServerWentAway(f"{waiting} requests without an answer for {LONGEST_SILENCE:.0f} s")
            for key, _ in ready:
                answer = key.data.read()
                if answer is None:
                    continue
                answers.append(answer)
                if not key.data.send_next(row, deadline):
                    # the server ends a connection that it hears nothing from
                    selector.unregister(key.fileobj)
                    waiting -= 1
        took = time.perf_counter() - began
    for lane in lanes:
        lane.socket.close()
    return Run(seconds=took, answers=answers)


@dataclass
class _Lane:
    socket: socket.socket
    _place: int = -1
    _got: bytearray = field(default_factory=bytearray)

    def send_next(self, row: Iterator[tuple[int, bytes]], deadline: float | None) -> bool:
        if deadline is not None and time.perf_counter() >= deadline:
            return False
        following = next(row, None)
        if following is None:
            return False
        self._place, content = following
        self.socket.sendall(content)
        return True

    def read(self) -> Answer | None:
        """The answer once it is whole."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            raise ServerWentAway(f"the connection ended during request {self._place}")
        self._got += chunk
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._got[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._got) < end + 4 + length:
            return None
        answer = Answer(place=self._place, status=int(head[9:12]), body=bytes(self._got[end + 4 :]))
        self._got.clear()
        return answer
