"""A portal whose identity checks and adds people by its own rules."""

from collections.abc import Sequence
from typing import Any

from gateway.clients.identity import IdentityClient
from libs.contracts.errors import Invalid
from libs.contracts.identity import AddedPeople, NewPerson, People, PeopleCheck
from services.identity.model.people import check_rows
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import StandIn, person

MANAGER = principal("manager")
FORM = "/management/users/new"
ANNA = ("Анна", "Петрова", "anna@broker.example", "+359880000101")
BORIS = ("Борис", "Илиев", "boris@broker.example", "+359880000102")


def office(portal: Portal, **answers: Any) -> StandIn:
    """The portal with this behaviour of identity; rows are checked by identity's own rules."""

    def check(_: Any, people: Sequence[NewPerson]) -> PeopleCheck:
        rows = check_rows(list(people), "BG")
        bad = sum(bool(row.faults) for row in rows)
        return PeopleCheck(rows=rows, good=len(rows) - bad, bad=bad)

    def add(_: Any, people: Sequence[NewPerson], *, only_good: bool) -> AddedPeople:
        rows = check_rows(list(people), "BG")
        bad = [row for row in rows if row.faults]
        if bad and not only_good:
            raise Invalid.field("people.0.email", "not_an_email")
        added = [person(row.values.given_name, row.values.family_name) for row in rows if not row.faults]
        return AddedPeople(added=added, refused=bad)

    usual = {"check_people": check, "add_people": add, "list_people": People(items=[], total=0)}
    stand_in = StandIn(**usual | answers)
    for name in stand_in.answers:
        setattr(portal.identity, name, getattr(stand_in, name))
    portal.answers(IdentityClient, portal.identity)
    return stand_in


def manager(portal: Portal, language: str = "en") -> Visitor:
    return portal.signed_in(MANAGER, language)


def rows_of(*people: tuple[str, ...]) -> str:
    return "".join("\t".join(cells) + "\r\n" for cells in people)


def cells(page: Page) -> dict[str, list[str]]:
    """What stands in the editable table, by column."""
    return {
        name: [str(field.get("value", "")) for field in page.soup.select(f"#grid input[name={name}]")]
        for name in ("given_name", "family_name", "email", "phone")
    }


def paste(visitor: Visitor, text: str, status: int = 200, **fields: Any) -> Page:
    """Open the page, paste this and press "Check"."""
    return visitor.send(visitor.open(FORM), {"pasted": text, "action": "check"} | fields, status=status)


def press(visitor: Visitor, page: Page, action: str, status: int = 200, **fields: Any) -> Page:
    """Press another button under the table as it stands there now."""
    return visitor.send(page, cells(page) | {"action": action} | fields, status=status)
