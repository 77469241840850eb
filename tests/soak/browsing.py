"""People who look around while the others work: pages and lists, so many a second."""

from __future__ import annotations

import threading
import time
from collections import Counter

from tests.faults.client import NeverAnswered, Stopped
from tests.faults.stage import Stage


class Browsers:
    """One thread that reads the API by the clock, as several people would together."""

    def __init__(self, stage: Stage, per_second: float) -> None:
        self._stage = stage
        self._pause = 1 / per_second
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="browsers", daemon=True)
        self._wrong: Counter[str] = Counter()

    @property
    def findings(self) -> list[str]:
        """Answers that were not as they should be."""
        return [f"{times} times {what}" for what, times in self._wrong.items()]

    def start(self) -> None:
        """Begin to look around."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        tokens = self._stage.tokens
        client = self._stage.client()
        organisation = f"/organisations/{tokens.organisation}"
        reads = [
            ("/me", tokens.manager),
            ("/products", ""),
            (f"{organisation}/licences", tokens.manager),
            (f"{organisation}/people", tokens.manager),
            (f"/orders?organisation_id={tokens.organisation}&page_size=20", tokens.manager),
            ("/me/trainings", tokens.clerk),
        ]
        due, turn = time.monotonic(), 0
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            path, token = reads[turn % len(reads)]
            turn, due = turn + 1, max(due + self._pause, time.monotonic())
            try:
                status = client.call(f"read {path}", "GET", path, token=token).status_code
            except (NeverAnswered, Stopped):
                return
            if status != 200:
                self._wrong[f"{path} was answered {status}"] += 1
