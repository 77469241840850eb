"""Looks at pages all the time, as an impatient user who asks only once, and judges every answer by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import requests

PAUSE = 0.25
ONE_TRY = 30.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """One answer: its status (0: none came), how long it took, what it said about coming again."""

    path: str
    status: int
    seconds: float
    retry_after: str


class Prober:
    """A thread for each page; use it as a context manager around a fault."""

    def __init__(self, address: str, paths: Sequence[str], token: str) -> None:
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(path,), daemon=True) for path in paths]
        self.looks: list[Look] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(ONE_TRY + 5)

    def statuses(self) -> dict[int, int]:
        """How often each status came."""
        return dict(sorted(Counter(look.status for look in self.looks).items()))

    def check(self, *, longest: float, refused: bool) -> None:
        """Every answer in time, none an accident, each "not now" with a word on when; with `refused`, some were."""
        accidents = [f"{look.path} {look.status or 'cut off'}" for look in self.looks if look.status in (0, 500, 502)]
        assert not accidents, f"answered by accident: {Counter(accidents).most_common(5)}"
        mute = [look.path for look in self.looks if look.status in (429, 503) and not look.retry_after]
        assert not mute, f"503 without Retry-After: {Counter(mute).most_common(5)}"
        slow = [
            f"{look.path} {look.status} after {look.seconds:.1f} s" for look in self.looks if look.seconds > longest
        ]
        assert not slow, f"{len(slow)} answers took longer than {longest:.0f} s, among them {slow[:3]}"
        if refused:
            assert any(look.status == 503 for look in self.looks), f"nobody noticed the fault: {self.statuses()}"

    def _run(self, path: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._over.wait(PAUSE):
                self.looks.append(self._look(session, path))

    def _look(self, session: requests.Session, path: str) -> Look:
        began = time.monotonic()
        try:
            answer = session.get(f"{self._address}{path}", headers=self._headers, timeout=ONE_TRY)
            status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except requests.RequestException:
            status, retry_after = 0, ""
        return Look(path=path, status=status, seconds=time.monotonic() - began, retry_after=retry_after)
