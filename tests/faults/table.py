"""The table of a fault run: a row is shown as it is finished, the whole at the end, and kept as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.verifying import BREACH, DOUBLED, LOST, Finding

HEADINGS = ("fault", "injected", "begun", "finished", "lost", "doubled", "longest gap", "recovered in")
WIDTHS = (26, 46, 6, 9, 5, 8, 12, 13)


@dataclass
class Row:
    """What a fault did."""

    fault: str
    injected: str
    begun: int = 0
    finished: int = 0
    longest_gap: float = 0.0
    """Seconds from the first try of a user's call to its answer, at worst."""
    recovered_in: float = 0.0
    """Seconds from the end of the fault until all programs were ready and every job begun before was finished."""
    quiet_in: float = 0.0
    seconds: float = 0.0
    unavailable_share: float = 0.0
    slowest_answer: float = 0.0
    restarts: int = 0
    repeated_letters: int = 0
    sign_ins: int = 0
    sign_ins_put_off: int = 0
    """Those that ended with a time before which no phone is asked again."""
    drivers_core: float = 0.0
    """Share of one core that the driver itself took."""
    answers: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Findings of one kind."""
        return sum(finding.kind == kind for finding in self.findings)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled or breached."""
        return not self.findings

    def cells(self) -> tuple[str, ...]:
        """As shown."""
        return (
            self.fault,
            self.injected,
            str(self.begun),
            str(self.finished),
            str(self.count(LOST)),
            str(self.count(DOUBLED)),
            f"{self.longest_gap:.1f} s",
            f"{self.recovered_in:.1f} s",
        )

    def lines(self) -> list[str]:
        """The row, and below it what is not as it must be."""
        shown = [_line(self.cells())]
        shown += [f"    {finding.kind.upper()}: {finding.what}" for finding in self.findings]
        return shown


def heading() -> list[str]:
    """The first two lines."""
    return [_line(HEADINGS), "|" + "|".join("-" * (width + 2) for width in WIDTHS) + "|"]


def table_of(rows: Sequence[Row]) -> str:
    """All rows, then what was found."""
    lines = [*heading(), *(_line(row.cells()) for row in rows)]
    for row in rows:
        lines += [f"{row.fault}: {finding.kind}: {finding.what}" for finding in row.findings]
    breaches = sum(row.count(BREACH) for row in rows)
    lost, doubled = sum(row.count(LOST) for row in rows), sum(row.count(DOUBLED) for row in rows)
    finished = sum(row.finished for row in rows)
    lines.append(f"{len(rows)} faults, {finished} jobs finished: {lost} lost, {doubled} doubled, {breaches} breaches.")
    sign_ins, put_off = sum(row.sign_ins for row in rows), sum(row.sign_ins_put_off for row in rows)
    repeated = sum(row.repeated_letters for row in rows)
    lines.append(f"{sign_ins} sign-ins, {put_off} told to wait; {repeated} letters came again under their Message-ID.")
    return "\n".join(lines)


def write(rows: Sequence[Row], folder: Path, *, seed: int) -> None:
    """Keep the table as text and everything that was measured as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(table_of(rows) + "\n", encoding="utf-8")
    data = {"seed": seed, "rows": [asdict(row) for row in rows]}
    (folder / "table.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)) + " |"
