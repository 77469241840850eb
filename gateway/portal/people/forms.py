"""The editable table of new employees, and the data of one person."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import StringField

from gateway.faults import sentence
from gateway.portal.journey import Form, at_most, required
from gateway.portal.people.faults import CELLS
from gateway.portal.people.pasting import FIELDS, MOST_CELL, MOST_ROWS, read
from libs.contracts.identity import CellFault, NewPerson, PersonRow

LABELS = {
    "given_name": _l("Given name"),
    "family_name": _l("Family name"),
    "email": _l("E-mail"),
    "phone": _l("Mobile phone"),
}
EMPTY_ROWS = 5


@dataclass
class Grid:
    """Rows as typed or pasted; after a check with what is wrong with their cells."""

    people: list[NewPerson] = field(default_factory=list)
    rows: list[PersonRow] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    general: list[str] = field(default_factory=list)
    pasted: str = ""

    @classmethod
    def of(cls, typed: "MultiDict[str, str]") -> "Grid":
        """What was typed into the cells and pasted into the text field below them."""
        columns = [typed.getlist(name) for name in FIELDS]
        people = [
            NewPerson(**{name: cell.strip()[:MOST_CELL] for name, cell in zip(FIELDS, cells, strict=True)})
            for cells in zip(*columns, strict=False)
            if any(cell.strip() for cell in cells)
        ]
        pasted = read(typed.get("pasted", ""))
        grid = cls(people=[*people, *pasted.people], left_out=pasted.left_out)
        if not grid.people:
            grid.general.append(sentence("nothing_pasted"))
        elif len(grid.people) > MOST_ROWS:
            grid.general.append(sentence("too_many_rows", {"rows": len(grid.people), "most": MOST_ROWS}))
            grid.people, grid.pasted = people, typed.get("pasted", "")
        return grid

    @property
    def bad(self) -> list[PersonRow]:
        """Rows with a fault."""
        return [row for row in self.rows if row.faults]

    @property
    def good(self) -> int:
        """How many rows could be added."""
        return len(self.rows) - len(self.bad)

    @property
    def shown(self) -> list[PersonRow]:
        """The rows of the table: checked ones, else those typed, else empty ones to begin with."""
        if self.rows:
            return self.rows
        people = self.people[:MOST_ROWS] or [NewPerson()] * EMPTY_ROWS
        return [PersonRow(row=number, values=person, faults=[]) for number, person in enumerate(people, 1)]

    def summary(self) -> list[tuple[str, str]]:
        """Address and sentence of the first faults for the top of the page."""
        cells = [
            (f"#{fault.field}-{row.row}", f"{_('Row')} {row.row}, {LABELS[fault.field]}: {cell_fault(fault)}")
            for row in self.bad
            for fault in row.faults
        ]
        most = 12
        more = [("#grid", _("… and %(count)s more", count=len(cells) - most))] if len(cells) > most else []
        return [*(("#grid", text) for text in self.general), *cells[:most], *more]


def cell_fault(fault: CellFault) -> str:
    """A fault in the few words that fit beside its cell."""
    text = CELLS.get(fault.code)
    return str(text) % fault.params if text is not None else sentence(fault.code, fault.params)


def faults_by_field(faults: Iterable[CellFault]) -> dict[str, str]:
    """Field → words, for one row."""
    return {fault.field: cell_fault(fault) for fault in faults}


class PersonForm(Form):
    """The data of one person."""

    given_name = StringField(LABELS["given_name"], [required(), at_most(100)])
    family_name = StringField(LABELS["family_name"], [required(), at_most(100)])
    email = StringField(LABELS["email"], [required(), at_most(254)])
    phone = StringField(LABELS["phone"], [required(), at_most(40)])
