"""Reading what people paste from a spreadsheet: cells between tabs, any order of columns, headers in two alphabets."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from libs.contracts.identity import NewPerson, PersonRow

FIELDS = ("given_name", "family_name", "email", "phone")
MOST_ROWS = 5_000
MOST_CELL = 500

HEADERS: dict[str, str] = {
    **dict.fromkeys(
        ("име", "собствено име", "лично име", "first name", "given name", "forename", "name"), "given_name"
    ),
    **dict.fromkeys(("фамилия", "фамилно име", "last name", "family name", "surname"), "family_name"),
    **dict.fromkeys(
        ("имейл", "имейл адрес", "е-мейл", "емейл", "ел. поща", "електронна поща", "поща", "email", "e-mail", "mail"),
        "email",
    ),
    **dict.fromkeys(("e-mail address", "email address", "е-поща", "ел.поща"), "email"),
    **dict.fromkeys(("телефон", "телефонен номер", "тел.", "тел", "gsm", "мобилен", "мобилен телефон"), "phone"),
    **dict.fromkeys(("моб. телефон", "моб. тел.", "моб. тел", "мобилен номер", "номер на телефон"), "phone"),
    **dict.fromkeys(("phone", "phone number", "mobile", "mobile phone", "телефон за връзка", "джиесем"), "phone"),
    **dict.fromkeys(("презиме", "бащино име", "middle name"), "middle_name"),
    **dict.fromkeys(("име и фамилия", "имена", "трите имена", "full name", "служител", "employee"), "full_name"),
}
"""A heading in lower case → what its column holds."""

PHONE = re.compile(r"[+\d][\d\s().\-/]{4,}")


@dataclass(frozen=True)
class Pasted:
    """The rows read; ``left_out`` are headings of columns that nobody asked for."""

    people: list[NewPerson]
    left_out: list[str]


def read(text: str) -> Pasted:
    """Rows of people; empty rows are passed over, too long cells are cut so that their check can name them."""
    rows = [[_typed(" ".join(cell.split())) for cell in row] for row in _cells(text.removeprefix("\ufeff"))]
    rows = [row for row in rows if any(row)]
    if not rows:
        return Pasted([], [])
    names = [HEADERS.get(cell.rstrip(":*").strip().lower()) for cell in rows[0]]
    if sum(name is not None for name in names) >= 2 and not any("@" in cell for cell in rows[0]):
        left_out = [cell for cell, name in zip(rows[0], names, strict=True) if cell and name is None]
        rows = rows[1:]
    else:
        names, left_out = _guess(rows), []
    return Pasted([_person(_named(names, row)) for row in rows], left_out)


def _cells(text: str) -> Iterable[list[str]]:
    delimiter = ";" if "\t" not in text and ";" in text else "\t"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        rows = []
    # A quotation mark that nobody closed would swallow the rows after it: then quotes are letters like others.
    return rows or [line.split(delimiter) for line in text.splitlines()]


def _typed(cell: str) -> str:
    """Without the mark that ``as_table`` puts before a cell that looks like a formula."""
    return cell[1:] if cell.startswith("'") and _plain(cell[1:]) == cell else cell


def _named(names: Sequence[str | None], row: Sequence[str]) -> dict[str, str]:
    """What a row holds by name; of two columns of one name the first that is filled in counts."""
    cells: dict[str, str] = {}
    for name, cell in zip(names, row, strict=False):
        if name and not cells.get(name):
            cells[name] = cell[:MOST_CELL]
    return cells


def _guess(rows: list[list[str]]) -> list[str | None]:
    """What each column holds, by what stands in it; without a clue the order of the table on the page."""
    width = max(len(row) for row in rows)
    columns = [[row[at] for row in rows if at < len(row) and row[at]] for at in range(width)]
    kinds: list[str | None] = [None] * width
    _claim(kinds, columns, "email", lambda cell: "@" in cell)
    _claim(kinds, columns, "phone", lambda cell: PHONE.fullmatch(cell) is not None)
    if "email" not in kinds and "phone" not in kinds:
        return [FIELDS[at] if at < len(FIELDS) else None for at in range(width)]
    free = [at for at in range(width) if kinds[at] is None and columns[at]]
    three = ["given_name", "middle_name", "family_name"] if "email" in kinds else ["given_name", "family_name", "email"]
    names = {1: ["full_name"], 3: three}.get(len(free), ["given_name", "family_name"])
    for at, name in zip(free, names, strict=False):
        kinds[at] = name
    return kinds


def _claim(kinds: list[str | None], columns: list[list[str]], name: str, fits: Callable[[str], bool]) -> None:
    shares = [
        sum(map(fits, cells)) / len(cells) if cells and kinds[at] is None else 0.0 for at, cells in enumerate(columns)
    ]
    if shares and max(shares) >= 0.5:
        kinds[shares.index(max(shares))] = name


def _person(cells: dict[str, str]) -> NewPerson:
    if full := cells.pop("full_name", ""):
        given, _, family = full.rpartition(" ")
        cells.setdefault("given_name", given)
        cells.setdefault("family_name", family)
    if middle := cells.pop("middle_name", ""):
        cells["given_name"] = f"{cells.get('given_name', '')} {middle}".strip()
    return NewPerson(**cells)


def as_table(rows: Iterable[PersonRow], headings: Sequence[str]) -> str:
    """Rows as tab-separated text for a spreadsheet; what a program would take for a formula is made plain text."""
    written = io.StringIO()
    writer = csv.writer(written, dialect="excel-tab")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_plain(getattr(row.values, name)) for name in FIELDS])
    return written.getvalue()


def _plain(cell: str) -> str:
    return (
        f"'{cell}" if cell.startswith(("=", "@", "-")) or (cell.startswith("+") and not PHONE.fullmatch(cell)) else cell
    )
