"""What every measurement is given, and how long each may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.installation import Installation
from tests.benchmarks.people import People

SMALL_POOL, LARGE_POOL = 100, 100_000


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured; the small size is for trying the bench out, its figures say little."""

    rounds: int = 5
    seconds: float = 2.0
    people: int = 500
    buyers: int = 500
    seats: int = 300
    sign_ins: int = 120
    orders: int = 250
    payments: int = 25
    entries: int = 100_000
    certificates: int = 100
    assignments: int = SMALL_POOL
    backlog: int = 10_000

    @classmethod
    def small(cls) -> Size:
        """A tenth of everything."""
        return cls(
            rounds=2,
            seconds=0.7,
            people=100,
            buyers=100,
            seats=60,
            sign_ins=40,
            orders=40,
            payments=3,
            entries=10_000,
            certificates=20,
            assignments=50,
            backlog=1_000,
        )


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The running installation with its people, and the bare Flask routes beside it."""

    installation: Installation
    people: People
    flask: int
    """Port of the bare Flask routes."""
    size: Size

    @property
    def port(self) -> int:
        """The gateway's."""
        return self.installation.port

    @property
    def of_organisation(self) -> str:
        """Path of the organisation in the API."""
        return f"/api/v1/organisations/{self.people.organisation_id}"


def by_turns(rounds: int, *measured: Callable[[], float]) -> list[float]:
    """The median of each, measured in turns, so that what the machine does meanwhile meets all of them alike."""
    found: list[list[float]] = [[] for _ in measured]
    for _ in range(rounds):
        for kept, measure in zip(found, measured, strict=True):
            kept.append(measure())
    return [median(kept) for kept in found]
