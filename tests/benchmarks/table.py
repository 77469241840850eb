"""The figures and the one table they are printed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MET, MISSED = "met", "missed"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: what was measured, beside its yardstick where it has one.

    `least` is the smallest ratio to the yardstick that was aimed at; other aims come with their own words in `aim` and
    their own verdict in `met`.
    """

    what: str
    value: float
    unit: str
    yardstick: float | None = None
    yardstick_is: str = ""
    least: float | None = None
    aim: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure as a part of its yardstick."""
        return self.value / self.yardstick if self.yardstick else None

    @property
    def verdict(self) -> bool | None:
        """Whether the aim was met; None where there was none."""
        if self.least is not None and self.ratio is not None:
            return self.ratio >= self.least
        return self.met

    def cells(self) -> list[str]:
        """The line of the table."""
        against = f"{_number(self.yardstick)} {self.unit}, {self.yardstick_is}" if self.yardstick is not None else ""
        aim = f"≥ {self.least}" if self.least is not None else self.aim
        verdict = {True: MET, False: MISSED, None: ""}[self.verdict]
        return [
            self.what + (f" ({self.note})" if self.note else ""),
            f"{_number(self.value)} {self.unit}",
            against,
            f"{self.ratio:.2f}" if self.ratio is not None else "",
            f"{aim}: {verdict}" if aim else "",
        ]

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "what": self.what,
            "value": round(self.value, 4),
            "unit": self.unit,
            "yardstick": self.yardstick and round(self.yardstick, 4),
            "yardstick_is": self.yardstick_is,
            "ratio": self.ratio and round(self.ratio, 4),
            "aim": f"≥ {self.least}" if self.least is not None else self.aim,
            "met": self.verdict,
            "note": self.note,
        }


HEADINGS = ["Measured", "Figure", "Yardstick", "Ratio", "Aim"]


def table_of(figures: list[Figure]) -> str:
    """All figures as one Markdown table, laid out so that it reads well on a terminal too."""
    rows = [HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
