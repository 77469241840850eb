"""What orders remembers of organisations: the buyer's data for documents, from identity's events."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from libs.contracts.base import dump
from libs.contracts.identity import OrganisationChanged, OrganisationRegistered
from libs.messaging.work import Work
from services.orders.model.base import Base


class Organisation(Base):
    """A buyer as its invoices must name it."""

    __tablename__ = "organisations"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    number: Mapped[str]
    vat_number: Mapped[str]
    address: Mapped[str]
    country: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)


def remember_organisation(work: Work, event: OrganisationRegistered | OrganisationChanged) -> None:
    """Keep the organisation's data unless later ones are known already; proformas that waited for them can go out."""
    row = dump(event) | {"organisation_id": event.organisation_id, "sequence": work.sequence or 0}
    statement = insert(Organisation).values(row)
    newer = {name: statement.excluded[name] for name in row if name != "organisation_id"}
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Organisation.organisation_id],
            set_=newer,
            where=Organisation.sequence <= statement.excluded.sequence,
        )
    )
    work.wake("issue proformas")
