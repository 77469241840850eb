"""What the API acknowledged, written down as it happens; compared at the end with what then stands."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Job:
    """One main job: what was asked for and what was acknowledged of it."""

    number: int
    begun_at: float
    quantities: dict[str, int]
    step: str = "order"
    order_id: str = ""
    order_number: str = ""
    proforma: bool = False
    statement_id: str = ""
    paid: bool = False
    account_id: str = ""
    assignment_id: str = ""
    passed: bool = False
    finished_at: float = 0.0
    failure: str = ""


@dataclass
class Calls:
    """How users' calls went: counted from the first try of each until it was answered."""

    made: int = 0
    tries: int = 0
    longest_gap: float = 0.0
    longest_of: str = ""
    slowest_answer: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    """By status, and `refused`, `cut off` and `no answer` where there was none."""

    @property
    def unavailable_share(self) -> float:
        """Share of tries that were answered 429 or 503, or not at all."""
        bad = sum(count for status, count in self.answers.items() if not status.isdecimal() or status in ("429", "503"))
        return bad / self.tries if self.tries else 0.0


class Ledger:
    """Everything acknowledged since the stack started, and the calls of the present fault."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = file
        self.jobs: list[Job] = []
        self.sign_ins = 0
        self.sign_ins_again = 0
        self.sign_ins_put_off = 0
        self.calls = Calls()
        self.surprises: list[str] = []
        """Answers that no fault excuses, and calls that were never answered."""

    def begin(self, quantities: dict[str, int]) -> Job:
        """A new main job."""
        with self._lock:
            job = Job(number=len(self.jobs), begun_at=time.monotonic(), quantities=quantities)
            self.jobs.append(job)
        return job

    def note(self, job: Job, **acknowledged: Any) -> None:
        """Write down what was acknowledged of a job."""
        with self._lock:
            for name, value in acknowledged.items():
                setattr(job, name, value)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"job": job.number, **acknowledged}, ensure_ascii=False) + "\n")

    def try_made(self, outcome: str, seconds: float) -> None:
        """One try of a call: a status, or why there was none."""
        with self._lock:
            self.calls.tries += 1
            self.calls.answers[outcome] += 1
            self.calls.slowest_answer = max(self.calls.slowest_answer, seconds)

    def call_made(self, name: str, seconds: float) -> None:
        """A call that was answered, so long after its first try."""
        with self._lock:
            self.calls.made += 1
            if seconds > self.calls.longest_gap:
                self.calls.longest_gap, self.calls.longest_of = seconds, name

    def signed_in(self, *, again: int) -> None:
        """Somebody signed in, after so many beginnings that led nowhere."""
        with self._lock:
            self.sign_ins += 1
            self.sign_ins_again += again

    def told_to_wait(self) -> None:
        """Somebody was told from when on a phone would be asked again."""
        with self._lock:
            self.sign_ins_put_off += 1

    def surprise(self, what: str) -> None:
        """Something that must not happen."""
        with self._lock:
            self.surprises.append(what)

    def new_page(self) -> tuple[Calls, list[str]]:
        """The calls and surprises since the last page; the next ones are counted anew."""
        with self._lock:
            page = self.calls, self.surprises
            self.calls, self.surprises = Calls(), []
        return page

    def forget_slowest(self) -> None:
        """Measure the slowest answer from now on."""
        with self._lock:
            self.calls.slowest_answer = 0.0

    def data(self) -> list[dict[str, Any]]:
        """All jobs, for a file."""
        with self._lock:
            return [asdict(job) for job in self.jobs]
