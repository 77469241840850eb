"""The menus: one table, shown to each visitor by role.

Entries name an endpoint of a journey. An entry appears where its journey is there and its audience admits the visitor.
A page marks another entry than its own endpoint with ``{% set here = "licences.available" %}``.
"""

from dataclasses import dataclass

from flask import current_app, request
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from gateway.security.guards import Condition, public, role, signed_in, staff
from gateway.security.session import visitor
from libs.contracts.identity import PrincipalView

nobody = Condition("not signed in")
"""Shown only to people who have not signed in."""
manager = role("manager")


@dataclass(frozen=True)
class Entry:
    """One line of a menu."""

    label: LazyString
    endpoint: str
    audience: Condition = signed_in
    hint: LazyString | None = None


@dataclass(frozen=True)
class Group:
    """Lines of a side menu under one heading."""

    label: LazyString
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Section:
    """A part of the portal with a menu at the left; ``front`` is its page in the main menu."""

    front: Entry
    groups: tuple[Group, ...]


MANAGEMENT = Section(
    Entry(_l("Management"), "welcome.management", manager),
    (
        Group(
            _l("Licences"),
            (
                Entry(
                    _l("Add licences"),
                    "ordering.add_licences",
                    manager,
                    _l("Choose products and quantities and place an order."),
                ),
                Entry(
                    _l("Available licences"),
                    "licences.available",
                    manager,
                    _l("See what is unused and give it to your people."),
                ),
            ),
        ),
        Group(
            _l("Users"),
            (
                Entry(
                    _l("New users"),
                    "people.new_users",
                    manager,
                    _l("Paste your people from a spreadsheet; each gets a mail."),
                ),
                Entry(_l("Users"), "people.users", manager, _l("Correct data, send a new password, close an account.")),
            ),
        ),
        Group(
            _l("Trainings"),
            (
                Entry(
                    _l("Results and certificates"),
                    "learning.results",
                    manager,
                    _l("How far everybody is, and all certificates."),
                ),
            ),
        ),
    ),
)

STAFF = Section(
    Entry(_l("Work"), "welcome.work", staff),
    (
        Group(
            _l("Orders"),
            (
                Entry(_l("All orders"), "staff.orders", staff, _l("Every order with its state and documents.")),
                Entry(
                    _l("To approve"),
                    "staff.approvals",
                    role("official", "admin"),
                    _l("Orders that wait for an official's decision."),
                ),
            ),
        ),
        Group(
            _l("Payments"),
            (
                Entry(
                    _l("Bank statements"),
                    "staff.bank_statements",
                    role("finance", "admin"),
                    _l("Upload a statement and follow what it pays."),
                ),
                Entry(
                    _l("Unmatched payments"),
                    "staff.unmatched",
                    role("finance", "admin"),
                    _l("Transfers that fit no order by themselves."),
                ),
            ),
        ),
        Group(
            _l("Organisations"),
            (
                Entry(
                    _l("Organisations"),
                    "staff.organisations",
                    role("clerk", "admin"),
                    _l("Look up or register an organisation."),
                ),
                Entry(
                    _l("New account"),
                    "staff.new_account",
                    role("clerk", "admin"),
                    _l("Issue an account to a manager or to staff."),
                ),
            ),
        ),
        Group(
            _l("Messages"),
            (
                Entry(
                    _l("Sent messages"),
                    "staff.messages",
                    role("clerk", "admin"),
                    _l("Every mail that was sent, or could not be."),
                ),
            ),
        ),
        Group(
            _l("Operation"),
            (
                Entry(
                    _l("Dead letters"),
                    "staff.dead_letters",
                    role("admin"),
                    _l("What the services gave up on: look, give back, discard."),
                ),
            ),
        ),
    ),
)

SECTIONS = (MANAGEMENT, STAFF)

MAIN: tuple[Entry, ...] = (
    Entry(_l("How to register"), "welcome.how_to_register", nobody),
    Entry(_l("Library"), "learning.library", nobody),
    Entry(_l("Check a certificate"), "certificates.check", nobody),
    Entry(_l("Sign in"), "sign_in.form", nobody),
    Entry(_l("Home"), "welcome.home"),
    Entry(_l("Licence catalogue"), "ordering.catalogue", role("manager", "member")),
    Entry(_l("Orders"), "ordering.orders", manager),
    MANAGEMENT.front,
    Entry(_l("My trainings"), "learning.my_trainings", role("manager", "member")),
    STAFF.front,
)


@dataclass(frozen=True)
class Shown:
    """A line as a template shows it; ``exact`` where it leads to this very page."""

    label: str
    endpoint: str
    current: bool
    exact: bool
    hint: str = ""


@dataclass(frozen=True)
class ShownGroup:
    """A heading with its lines."""

    label: str
    entries: list[Shown]


@dataclass(frozen=True)
class ShownSection:
    """A side menu."""

    label: str
    front: str
    groups: list[ShownGroup]


def _visible(entry: Entry, view: PrincipalView | None) -> bool:
    if entry.endpoint not in current_app.view_functions:
        return False
    if entry.audience is nobody:
        return view is None
    return entry.audience is public or entry.audience.admits(view)


def _endpoints(section: Section) -> set[str]:
    return {section.front.endpoint} | {entry.endpoint for group in section.groups for entry in group.entries}


def _section_of(endpoint: str, view: PrincipalView | None) -> Section | None:
    return next((s for s in SECTIONS if endpoint in _endpoints(s) and _visible(s.front, view)), None)


def _shown(entry: Entry, here: str, *, within: bool = False) -> Shown:
    return Shown(
        str(entry.label),
        entry.endpoint,
        within or entry.endpoint == here,
        entry.endpoint == request.endpoint,
        str(entry.hint or ""),
    )


class Navigation:
    """What templates ask: the main menu, and the side menu of the section that one is in."""

    @staticmethod
    def main(here: str | None = None) -> list[Shown]:
        """The main menu for this visitor."""
        view, place = visitor(), here or request.endpoint or ""
        section = _section_of(place, view)
        return [_shown(e, place, within=section is not None and e is section.front) for e in MAIN if _visible(e, view)]

    @staticmethod
    def section(here: str | None = None) -> ShownSection | None:
        """The side menu around this page, if there is one."""
        place = here or request.endpoint or ""
        found = _section_of(place, visitor())
        return Navigation.shown_section(found, place) if found else None

    @staticmethod
    def shown_section(section: Section, here: str = "") -> ShownSection:
        """A section as this visitor sees it, without empty groups."""
        view = visitor()
        groups = [
            ShownGroup(str(g.label), [_shown(e, here) for e in g.entries if _visible(e, view)]) for g in section.groups
        ]
        return ShownSection(str(section.front.label), section.front.endpoint, [g for g in groups if g.entries])
