"""The table of the soak, and what the logs must not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.soak.sampling import MEMORY, Sample
from tests.soak.trend import Trend, grows_in_number, grows_in_size, trend_of

MOST_MEMORY_GROWTH = 0.05
HEADINGS = ["Of", "Held", "Least", "Most", "Line from", "to", "Growth", ""]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quantity of one owner."""

    owner: str
    kind: str
    trend: Trend

    @property
    def grows(self) -> bool:
        """Whether it grows more than it may."""
        if self.kind == MEMORY:
            return grows_in_size(self.trend, share=MOST_MEMORY_GROWTH)
        return grows_in_number(self.trend)

    def cells(self) -> list[str]:
        """The line of the table."""
        trend = self.trend
        growth = f"{trend.share:+.1%}" if self.kind == MEMORY else f"{trend.growth:+.1f}"
        numbers = [f"{value:.1f}" for value in (trend.least, trend.most, trend.first, trend.last)]
        return [self.owner, self.kind, *numbers, growth, "GROWS" if self.grows else "flat"]


def lines_of(samples: Sequence[Sample]) -> list[Line]:
    """A line for each quantity; one that was not there for a while was none."""
    times = [sample.at for sample in samples]
    keys = dict.fromkeys(key for sample in samples for key in sample.held)
    return [
        Line(owner=owner, kind=kind, trend=trend_of(times, [sample.held.get((owner, kind), 0.0) for sample in samples]))
        for owner, kind in keys
    ]


def table_of(lines: Sequence[Line]) -> str:
    """A Markdown table."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]])


def errors_in_logs(name: str, log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each kind of error a program logged, and how often; without faults there is none that is to be expected."""
    errors = Counter(
        f"{entry.get('event')} {entry.get('error', '')}".strip()
        for entry in log
        if entry.get("level") in ("error", "critical") or "Traceback" in str(entry.get("text", ""))
    )
    for what, times in errors.items():
        yield f"{name} logged {times} times: {what}"
