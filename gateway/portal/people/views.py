"""People: new employees pasted from a spreadsheet, and those who are there."""

from typing import Any
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from gateway.clients.identity import identity
from gateway.commands import deed_is_done
from gateway.faults import refused, sentence_of
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.portal.people.forms import LABELS, Grid, PersonForm, faults_by_field
from gateway.portal.people.pasting import FIELDS, as_table
from gateway.security.guards import guard, role
from gateway.security.session import the_visitor
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.identity import CorrectPerson, PersonView

journey = journeys.new(__name__)
Page = tuple[str, int] | Any
manager = role("manager")


def _organisation() -> UUID:
    organisation_id = the_visitor().organisation_id
    if organisation_id is None:
        raise NotFound
    return organisation_id


@journey.route("/management/users/new", methods=["GET", "POST"])
@guard(manager)
def new_users() -> Page:
    """Paste rows, look them over, correct them, add them."""
    if request.method == "GET":
        return _grid(Grid())
    grid = Grid.of(request.form)
    if grid.general:
        return _grid(grid)
    action = request.form.get("action", "check")
    if action in ("add", "add_good"):
        done = _add(grid, only_good=action == "add_good")
        if done is not None:
            return done
    _check(grid)
    if action == "download":
        return _download(grid)
    return _grid(grid)


def _check(grid: Grid) -> None:
    checked = identity.check_people(_organisation(), grid.people)
    grid.rows = checked.rows


def _add(grid: Grid, *, only_good: bool) -> Any:
    """Add the rows; None where some are faulty and the table has to be shown again."""
    try:
        done = identity.add_people(_organisation(), grid.people, only_good=only_good)
    except Invalid:
        return None
    count = len(done.added)
    if count:
        flash(
            ngettext(
                "%(num)s employee was added and gets an e-mail with sign-in data.",
                "%(num)s employees were added and get an e-mail with sign-in data.",
                count,
            ),
            "good",
        )
    if done.refused:
        deed_is_done()
        grid.people = [row.values for row in done.refused]
        _check(grid)
        return _grid(grid)
    return redirect(url_for("people.users"))


def _download(grid: Grid) -> Response:
    text = "\ufeff" + as_table(grid.bad, [str(LABELS[name]) for name in FIELDS])
    response = Response(text, mimetype="text/tab-separated-values")
    response.headers.set("Content-Disposition", "attachment", filename="to-correct.tsv")
    return response


def _grid(grid: Grid) -> Page:
    faulty = bool(grid.general or grid.bad)
    return page(
        "people/new_users.html",
        grid=grid,
        fields=FIELDS,
        labels=LABELS,
        faults_by_field=faults_by_field,
        faults=grid.summary(),
        faulty=faulty,
    )


@journey.get("/management/users")
@guard(manager)
def users() -> Page:
    """Everybody of the organisation."""
    search = request.args.get("search", "").strip()[:100]
    token = request.args.get("page_token") or None
    people = identity.list_people(_organisation(), search=search, page_size=50, page_token=token)
    return page("people/users.html", people=people, search=search)


def _person(account_id: UUID) -> PersonView:
    found = identity.list_people(_organisation(), account_ids=[account_id]).items
    if not found:
        raise NotFound
    return found[0]


@journey.route("/management/users/<uuid:account_id>", methods=["GET", "POST"])
@guard(manager)
def person(account_id: UUID) -> Page:
    """Correct the data of a person."""
    found = _person(account_id)
    form = PersonForm(obj=found)
    if form.validate_on_submit():
        with refused(form):
            identity.correct_person(
                CorrectPerson(
                    account_id=account_id,
                    given_name=form.given_name.data or "",
                    family_name=form.family_name.data or "",
                    email=form.email.data or "",
                    phone=form.phone.data or "",
                )
            )
            flash(_("Saved."), "good")
            return redirect(url_for("people.users"))
    return page("people/person.html", form, person=found)


@journey.route("/management/users/<uuid:account_id>/password", methods=["GET", "POST"])
@guard(manager)
def new_password(account_id: UUID) -> Page:
    """Send a new temporary password, asked once."""
    found = _person(account_id)
    if request.method == "POST":
        _tell(lambda: identity.reissue_password(account_id), _("A new password is on its way to the person."))
        return redirect(url_for("people.users"))
    return page(
        "base/confirm.html",
        here="people.users",
        heading=_("Send %(name)s a new password?", name=_name(found)),
        sentence=_(
            "The present password stops working at once. The new one comes by e-mail to %(email)s.", email=found.email
        ),
        label=_("Send a new password"),
        back=url_for("people.person", account_id=account_id),
    )


@journey.route("/management/users/<uuid:account_id>/close", methods=["GET", "POST"])
@guard(manager)
def close(account_id: UUID) -> Page:
    """Close an account, asked once."""
    found = _person(account_id)
    if request.method == "POST":
        _tell(lambda: identity.close_account(account_id), _("The account is closed."))
        return redirect(url_for("people.users"))
    return page(
        "base/confirm.html",
        here="people.users",
        heading=_("Close the account of %(name)s?", name=_name(found)),
        sentence=_("The person can no longer sign in. Results and certificates stay."),
        label=_("Close the account"),
        back=url_for("people.person", account_id=account_id),
    )


def _tell(deed: Any, success: str) -> None:
    try:
        deed()
    except Conflict as error:
        flash(sentence_of(error), "warn")
    else:
        flash(success, "good")


def _name(person: PersonView) -> str:
    return f"{person.given_name} {person.family_name}"
