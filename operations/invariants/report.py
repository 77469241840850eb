"""What a check found, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

SHOWN = 5
"""So many breaches of one invariant are told in words; the table counts all."""


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One thing that is not as promised."""

    invariant: str
    service: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.service}: {self.subject}: {self.detail}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; ``breaches`` counts also those that are not told one by one."""

    invariant: str
    says: str
    checked: int
    breaches: int
    seconds: float


@dataclass(kw_only=True)
class Report:
    """The outcome of a check; ``under_way`` says what was not settled when it began."""

    rows: list[Row] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything is as promised."""
        return not any(row.breaches for row in self.rows)

    def lines(self) -> Iterator[str]:
        """The table, and after it the first breaches of each invariant in words."""
        names = max((len(row.invariant) for row in self.rows), default=9)
        yield f"{'invariant':<{names}}  {'checked':>9}  {'breaches':>8}  what it says"
        for row in self.rows:
            yield f"{row.invariant:<{names}}  {row.checked:>9}  {row.breaches or '-':>8}  {row.says}"
        for row in self.rows:
            if row.breaches:
                yield from self._words(row)

    def _words(self, row: Row) -> Iterator[str]:
        yield ""
        yield f"{row.invariant} — {row.says}:"
        shown = [breach for breach in self.breaches if breach.invariant == row.invariant][:SHOWN]
        yield from (f"  {breach}" for breach in shown)
        if row.breaches > len(shown):
            yield f"  … and {row.breaches - len(shown)} more"
