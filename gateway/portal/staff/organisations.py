"""Organisations and the accounts that staff issue."""

from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import Optional

from gateway.clients.identity import identity
from gateway.faults import refused
from gateway.i18n import LANGUAGES
from gateway.portal.journey import Form, at_most, page, required
from gateway.portal.staff.desk import Page, clerk, journey
from gateway.security.guards import guard
from gateway.security.session import the_visitor
from libs.contracts.errors import NotFound
from libs.contracts.identity import CorrectOrganisation, IssueAccount, OrganisationView, RegisterOrganisation

MANAGER = SelectChoice("manager", _l("Manager of the organisation"))
STAFF = (
    SelectChoice("clerk", _l("Clerk: organisations, accounts, certificates, messages")),
    SelectChoice("finance", _l("Finance: bank statements and payments")),
    SelectChoice("official", _l("Official: approves orders")),
    SelectChoice("admin", _l("Administrator: everything")),
)


def _without_spaces(text: str | None) -> str:
    return "".join((text or "").split())


class OrganisationForm(Form):
    """A legal body that may order."""

    name = StringField(lazy_pgettext("organisation", "Name"), [required(), at_most(200)])
    number = StringField(_l("EIK or BULSTAT"), [required(), at_most(13)], filters=[_without_spaces])
    vat_number = StringField(_l("VAT number"), [Optional(), at_most(20)], filters=[_without_spaces])
    address = StringField(_l("Address"), [required(), at_most(300)])


class AccountForm(Form):
    """Somebody who gets an account."""

    given_name = StringField(_l("Given name"), [required(), at_most(100)])
    family_name = StringField(_l("Family name"), [required(), at_most(100)])
    email = StringField(_l("E-mail"), [required(), at_most(254)])
    phone = StringField(_l("Mobile phone"), [required(), at_most(40)])
    login = StringField(_l("User name"), [Optional(), at_most(254)])
    role = SelectField(_l("Role"), [required()])
    language = SelectField(
        _l("Language of messages"), [required()], choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()]
    )


@journey.get("/work/organisations")
@guard(clerk)
def organisations() -> Page:
    """All organisations."""
    search = request.args.get("search", "").strip()[:100]
    found = identity.list_organisations(search=search, page_token=request.args.get("page_token") or None)
    return page("staff/organisations.html", organisations=found, search=search)


@journey.route("/work/organisations/new", methods=["GET", "POST"])
@guard(clerk)
def new_organisation() -> Page:
    """Register a legal body; its manager's account comes next."""
    form = OrganisationForm()
    if form.validate_on_submit():
        with refused(form):
            organisation = identity.register_organisation(
                RegisterOrganisation(
                    name=form.name.data or "",
                    number=form.number.data or "",
                    vat_number=form.vat_number.data or "",
                    address=form.address.data or "",
                )
            )
            flash(_("%(name)s is registered. Now issue the manager's account.", name=organisation.name), "good")
            return redirect(url_for("staff.new_account", organisation=organisation.id))
    return page("staff/new_organisation.html", form)


@journey.get("/work/organisations/<uuid:organisation_id>")
@guard(clerk)
def organisation(organisation_id: UUID) -> Page:
    """One organisation with its people."""
    token = request.args.get("page_token") or None
    return page(
        "staff/organisation.html",
        organisation=identity.get_organisation(organisation_id),
        people=identity.list_people(organisation_id, page_size=50, page_token=token),
    )


@journey.route("/work/organisations/<uuid:organisation_id>/correct", methods=["GET", "POST"])
@guard(clerk)
def correct_organisation(organisation_id: UUID) -> Page:
    """Correct what stands on the invoices from now on."""
    found = identity.get_organisation(organisation_id)
    form = OrganisationForm(obj=found)
    del form.number
    if form.validate_on_submit():
        with refused(form):
            identity.correct_organisation(
                CorrectOrganisation(
                    organisation_id=organisation_id,
                    name=form.name.data or "",
                    vat_number=form.vat_number.data or "",
                    address=form.address.data or "",
                )
            )
            flash(_("Saved."), "good")
            return redirect(url_for("staff.organisation", organisation_id=organisation_id))
    return page("staff/correct_organisation.html", form, organisation=found)


@journey.route("/work/accounts/new", methods=["GET", "POST"])
@guard(clerk)
def new_account() -> Page:
    """Issue an account: the manager of an organisation, or, by an administrator, a colleague."""
    form, body = AccountForm(), _organisation()
    form.role.choices = _roles(body)
    if form.role.choices and form.validate_on_submit():
        with refused(form):
            person = identity.issue_account(_request(form, body))
            flash(
                _("The account %(login)s is issued; the sign-in data are on their way by e-mail.", login=person.login),
                "good",
            )
            if body is not None:
                return redirect(url_for("staff.organisation", organisation_id=body.id))
            return redirect(url_for("staff.organisations"))
    return page("staff/new_account.html", form, organisation=body)


def _organisation() -> OrganisationView | None:
    asked = request.args.get("organisation", "")
    try:
        return identity.get_organisation(UUID(asked)) if asked else None
    except ValueError:
        raise NotFound from None


def _roles(organisation: OrganisationView | None) -> list[SelectChoice]:
    if organisation is not None:
        return [MANAGER]
    return list(STAFF) if "admin" in the_visitor().roles else []


def _request(form: AccountForm, organisation: OrganisationView | None) -> IssueAccount:
    return IssueAccount(
        given_name=form.given_name.data or "",
        family_name=form.family_name.data or "",
        email=form.email.data or "",
        phone=form.phone.data or "",
        login=form.login.data or "",
        role=form.role.data,
        language=form.language.data,
        organisation_id=organisation.id if organisation is not None else None,
    )
