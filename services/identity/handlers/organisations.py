"""Organisations: registered and corrected by the operator's clerks."""

from sqlalchemy import select

from libs.contracts.errors import Invalid
from libs.contracts.identity import CorrectOrganisation, OrganisationView, RegisterOrganisation
from libs.messaging.work import Work
from services.identity.handlers.loading import reserve_addresses, the_organisation
from services.identity.model import Organisation
from services.identity.queries import organisation_view

CARETAKERS = ("clerk", "admin")


def register(work: Work, command: RegisterOrganisation) -> OrganisationView:
    """Register a legal body; raises :class:`Invalid` on ``number`` where it is registered already."""
    work.caller.require(*CARETAKERS)
    return organisation_view(enter(work, command))


def enter(work: Work, command: RegisterOrganisation) -> Organisation:
    """Enter a legal body in the register."""
    organisation = Organisation.register(
        name=command.name,
        number=command.number,
        vat_number=command.vat_number,
        address=command.address,
        country=command.country,
        now=work.now(),
    )
    reserve_addresses(work)
    if by_number(work, organisation.country, organisation.number):
        raise Invalid.field("number", "taken")
    work.session.add(organisation)
    return organisation


def correct(work: Work, command: CorrectOrganisation) -> OrganisationView:
    """Correct name, VAT number or address."""
    work.caller.require(*CARETAKERS)
    organisation = the_organisation(work, command.organisation_id)
    organisation.correct(name=command.name, vat_number=command.vat_number, address=command.address)
    return organisation_view(organisation)


def by_number(work: Work, country: str, number: str) -> Organisation | None:
    """The organisation with this number in this country's register."""
    wanted = select(Organisation).where(Organisation.country == country, Organisation.number == number)
    return work.session.scalars(wanted).one_or_none()
