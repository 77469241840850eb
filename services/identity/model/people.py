"""Is this a person's data? One check for one person, for pasted rows and for imported ones."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat

from libs.contracts.errors import Fault, Invalid
from libs.contracts.identity import CellFault, NewPerson, PeopleCheck, PersonRow
from services.identity.model.account import Person

LONGEST_NAME = 100
LONGEST_EMAIL = 254
LONGEST_PHONE = 40
NAME_MARKS = " -.'’`"
PHONE = re.compile(r"\+?[\d\s().\-/]+", re.ASCII)


@dataclass(frozen=True)
class Cell:
    """One checked cell: its value as it would be saved, and the code of its fault, if any."""

    value: str
    fault: str | None = None


def checked_name(typed: str) -> Cell:
    """A given or family name in any script; digits and formula signs are no part of one."""
    value = unicodedata.normalize("NFC", " ".join(typed.split()))
    if not value:
        return Cell(value, "required")
    if len(value) > LONGEST_NAME:
        return Cell(value, "too_long")
    letters = all(unicodedata.category(sign)[0] in "LM" or sign in NAME_MARKS for sign in value)
    return Cell(value) if letters and value[0].isalpha() else Cell(value, "not_a_name")


def checked_email(typed: str) -> Cell:
    """An address as it is written, lower-case; whether its domain answers is for the mail server to find out."""
    value = typed.strip().lower()
    if not value:
        return Cell(value, "required")
    if len(value) > LONGEST_EMAIL:
        return Cell(value, "too_long")
    try:
        return Cell(validate_email(value, check_deliverability=False).normalized.lower())
    except EmailNotValidError:
        return Cell(value, "not_an_email")


def checked_phone(typed: str, region: str) -> Cell:
    """A phone number in E.164; a number without a country code is at home in ``region``."""
    value = " ".join(typed.split())
    if not value:
        return Cell(value, "required")
    if len(value) > LONGEST_PHONE:
        return Cell(value, "too_long")
    if not PHONE.fullmatch(value):
        return Cell(value, "not_a_phone")
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException:
        return Cell(value, "not_a_phone")
    if not phonenumbers.is_valid_number(number):
        return Cell(value, "not_a_phone")
    return Cell(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def checked_row(row: int, person: NewPerson, region: str) -> PersonRow:
    """One row by itself, without its neighbours."""
    cells = {
        "given_name": checked_name(person.given_name),
        "family_name": checked_name(person.family_name),
        "email": checked_email(person.email),
        "phone": checked_phone(person.phone, region),
    }
    return PersonRow(
        row=row,
        values=NewPerson(**{field: cell.value for field, cell in cells.items()}),
        faults=[CellFault(field=field, code=cell.fault) for field, cell in cells.items() if cell.fault],
    )


def check_rows(people: Sequence[NewPerson], region: str) -> list[PersonRow]:
    """All rows by themselves and against each other; whether an address is taken only the database knows."""
    rows = [checked_row(number, person, region) for number, person in enumerate(people, start=1)]
    first: dict[str, PersonRow] = {}
    for row in rows:
        email = row.values.email
        if not email or any(fault.field == "email" for fault in row.faults):
            continue
        other = first.setdefault(email, row)
        if other is not row:
            _add(row, "repeated", row=str(other.row))
            if not any(fault.code == "repeated" for fault in other.faults):
                _add(other, "repeated", row=str(row.row))
    return rows


def mark_taken(rows: Iterable[PersonRow], taken: set[str]) -> None:
    """Tell the rows whose address an account already has."""
    for row in rows:
        if row.values.email in taken:
            _add(row, "taken")


def summary(rows: list[PersonRow]) -> PeopleCheck:
    """The rows with the count of good and bad ones."""
    bad = sum(1 for row in rows if row.faults)
    return PeopleCheck(rows=rows, good=len(rows) - bad, bad=bad)


def person_of(row: PersonRow) -> Person:
    """The person of a row without faults."""
    values = row.values
    return Person(given_name=values.given_name, family_name=values.family_name, email=values.email, phone=values.phone)


def the_person(person: NewPerson, region: str) -> Person:
    """The checked data of one person; raises :class:`Invalid` with the same codes that a pasted row would get."""
    row = checked_row(1, person, region)
    if row.faults:
        raise Invalid(faults=[Fault(field=fault.field, code=fault.code) for fault in row.faults])
    return person_of(row)


def refused(rows: Iterable[PersonRow]) -> Invalid:
    """The refusal of a whole paste, with a fault for each bad cell."""
    return Invalid(
        faults=[
            Fault(field=f"people.{row.row - 1}.{fault.field}", code=fault.code, params=fault.params)
            for row in rows
            for fault in row.faults
        ]
    )


def _add(marked: PersonRow, code: str, /, **params: str) -> None:
    marked.faults.append(CellFault(field="email", code=code, params=params))
