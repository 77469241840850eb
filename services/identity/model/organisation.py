"""A legal body that may order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column
from stdnum.eu import vat

from libs.chassis.ids import new_id
from libs.contracts.errors import Fault, Invalid
from libs.contracts.identity import OrganisationChanged, OrganisationRegistered
from libs.messaging.outbox import Aggregate
from services.identity.model.base import Base
from services.identity.model.eik import is_valid_eik

FOREIGN_NUMBER = (9, 13)
"""Lengths of a foreign body's number: its own register checks it, not we."""


class Organisation(Base, Aggregate):
    """A legal body, known by its number in its country's register."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    number: Mapped[str]
    vat_number: Mapped[str]
    address: Mapped[str]
    country: Mapped[str]
    created_at: Mapped[datetime]

    @classmethod
    def register(
        cls, *, name: str, number: str, vat_number: str, address: str, country: str, now: datetime
    ) -> "Organisation":
        """A new organisation; raises :class:`Invalid` with a fault for each wrong field."""
        country, number, vat_number = country.upper(), _bare(number), _bare(vat_number).upper()
        faults = [*_number_faults(number, country), *_vat_faults(vat_number), *_text_faults(name=name, address=address)]
        if faults:
            raise Invalid(faults=faults)
        body = cls(
            id=new_id(),
            name=" ".join(name.split()),
            number=number,
            vat_number=vat_number,
            address=" ".join(address.split()),
            country=country,
            created_at=now,
        )
        body.record(OrganisationRegistered(organisation_id=body.id, **body._data()))
        return body

    def correct(self, *, name: str, vat_number: str, address: str) -> None:
        """Correct what may change; the number never does."""
        vat_number = _bare(vat_number).upper()
        if faults := [*_vat_faults(vat_number), *_text_faults(name=name, address=address)]:
            raise Invalid(faults=faults)
        self.name, self.address, self.vat_number = " ".join(name.split()), " ".join(address.split()), vat_number
        self.record(OrganisationChanged(organisation_id=self.id, **self._data()))

    def _data(self) -> dict[str, str]:
        return {
            "name": self.name,
            "number": self.number,
            "vat_number": self.vat_number,
            "address": self.address,
            "country": self.country,
        }


Index("uq_organisations_country_number", Organisation.country, Organisation.number, unique=True)
Index("ix_organisations_name", Organisation.name, Organisation.id)


def _bare(number: str) -> str:
    return "".join(number.split()).replace("-", "")


def _number_faults(number: str, country: str) -> list[Fault]:
    if country == "BG":
        good = is_valid_eik(number)
    else:
        good = number.isascii() and number.isalnum() and FOREIGN_NUMBER[0] <= len(number) <= FOREIGN_NUMBER[1]
    return [] if good else [Fault(field="number", code="not_an_organisation_number")]


def _vat_faults(vat_number: str) -> list[Fault]:
    good = not vat_number or vat.is_valid(vat_number)
    return [] if good else [Fault(field="vat_number", code="not_a_vat_number")]


def _text_faults(**texts: str) -> list[Fault]:
    return [Fault(field=field, code="required") for field, text in texts.items() if not text.strip()]
