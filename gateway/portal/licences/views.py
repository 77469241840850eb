"""Licences: what the organisation holds, and handing it out to people."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from gateway.clients.identity import identity
from gateway.clients.licensing import licensing
from gateway.faults import sentence_of
from gateway.panels import panel
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.portal.licences import faults as _faults  # noqa: F401  its sentences
from gateway.portal.licences.forms import Choices
from gateway.security.guards import guard, role
from gateway.security.session import the_visitor
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.identity import PersonView
from libs.contracts.licensing import LicenceView

journey = journeys.new(__name__)
Page = tuple[str, int] | Any
manager = role("manager")

MOST_PEOPLE = 2_000
UNFINISHED = {"assigned", "begun"}


def _organisation() -> UUID:
    organisation_id = the_visitor().organisation_id
    if organisation_id is None:
        raise NotFound
    return organisation_id


def _people() -> list[PersonView]:
    """Everybody of the organisation who can be given something."""
    found: list[PersonView] = []
    token = None
    while len(found) < MOST_PEOPLE:
        part = identity.list_people(_organisation(), page_size=500, page_token=token)
        found.extend(person for person in part.items if person.state != "closed")
        token = part.next_page_token
        if token is None:
            break
    return found


@journey.get("/management/licences")
@guard(manager)
def available() -> Page:
    """What the organisation holds and how much of it is unused."""
    return page("licences/available.html", licences=licensing.list_licences(_organisation()).items)


@journey.get("/management/licences/<sku>")
@guard(manager)
def holders(sku: str) -> Page:
    """Who holds seats of one product."""
    licence = licensing.get_licence(_organisation(), sku)
    held = [a for a in licensing.list_assignments(_organisation(), sku=sku).items if a.state != "withdrawn"]
    names = {person.account_id: person for person in _people()}
    return page("licences/holders.html", licence=licence, held=held, names=names)


@journey.route("/management/licences/<sku>/participants", methods=["GET", "POST"])
@guard(manager)
def participants(sku: str) -> Page:
    """Tick the people who get a seat; modules are chosen on the next screen where the training asks for it."""
    licence, people = licensing.get_licence(_organisation(), sku), _people()
    if request.method == "GET":
        return _participants(licence, people, None)
    choices = Choices.of(licence, people, request.form)
    if not choices.general and len(choices.people) > licence.available:
        choices.show(
            Conflict("not_enough_seats", params={"wanted": len(choices.people), "available": licence.available})
        )
    if choices.general:
        return _participants(licence, people, choices)
    if licence.choose_modules:
        return _modules(choices)
    return _assign(choices) or _participants(licence, people, choices)


@journey.post("/management/licences/<sku>/modules")
@guard(manager)
def modules(sku: str) -> Page:
    """Choose modules for each person; the sums are shown anew until they are right and confirmed."""
    licence = licensing.get_licence(_organisation(), sku)
    if not licence.choose_modules:
        raise NotFound
    people = _people()
    choices = Choices.of(licence, people, request.form)
    if choices.general:
        return _participants(licence, people, choices)
    if request.form.get("action") == "confirm":
        return _assign(choices) or _modules(choices)
    return _modules(choices)


def _assign(choices: Choices) -> Any:
    """Give the seats; None where that was refused and the choices now say why."""
    licence = choices.licence
    try:
        licensing.assign(_organisation(), licence.sku, [choice.assignee for choice in choices.people])
    except (Conflict, Invalid, NotFound) as error:
        choices.show(error)
        return None
    count = len(choices.people)
    flash(
        ngettext("%(num)s person was added and gets an e-mail.", "%(num)s people were added and get an e-mail.", count),
        "good",
    )
    return redirect(url_for("licences.available"))


def _participants(licence: LicenceView, people: list[PersonView], choices: Choices | None) -> Page:
    held = licensing.list_assignments(_organisation(), sku=licence.sku).items
    busy = {assignment.account_id for assignment in held if assignment.state in UNFINISHED}
    return page(
        "licences/participants.html",
        licence=licence,
        people=people,
        busy=busy,
        ticked=choices.ids() if choices else set(),
        wrong={choice.person.account_id: choice.fault for choice in choices.people if choice.fault} if choices else {},
        choices=choices,
        faults=choices.summary() if choices else [],
        faulty=bool(choices and choices.faulty),
    )


def _modules(choices: Choices) -> Page:
    return page(
        "licences/modules.html",
        choices=choices,
        licence=choices.licence,
        faults=choices.summary(),
        faulty=choices.faulty,
    )


@journey.route("/management/assignments/<uuid:assignment_id>/withdraw", methods=["GET", "POST"])
@guard(manager)
def withdraw(assignment_id: UUID) -> Page:
    """Take a seat back, asked once."""
    found = next((a for a in licensing.list_assignments(_organisation()).items if a.id == assignment_id), None)
    if found is None:
        raise NotFound
    back = url_for("licences.holders", sku=found.sku)
    if request.method == "POST":
        try:
            licensing.withdraw_assignment(assignment_id)
        except Conflict as error:
            flash(sentence_of(error), "warn")
        else:
            flash(_("The licence is unused again."), "good")
        return redirect(back)
    person = next(iter(identity.list_people(_organisation(), account_ids=[found.account_id]).items), None)
    name = f"{person.given_name} {person.family_name}" if person else ""
    return page(
        "base/confirm.html",
        here="licences.available",
        heading=_("Take the licence back from %(name)s?", name=name),
        sentence=_("The person loses it at once and gets an e-mail. You can give it to somebody else."),
        label=_("Take it back"),
        back=back,
    )


@panel(manager, order=20, template="licences/panel.html")
def unused_licences() -> dict[str, Any] | None:
    """How much of each product is unused."""
    found = licensing.list_licences(_organisation()).items
    return {"licences": found} if found else None
