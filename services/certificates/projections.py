"""What certificates remembers of people: the name to print and the language to print it in."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, exists
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from libs.contracts.identity import AccountChanged, AccountIssued
from libs.messaging.work import Work
from services.certificates.model import Certificate
from services.certificates.model.base import Base

PRINT_JOB = "print certificates"
NAME_JOB = "name holders"


class Person(Base):
    """A person's name and language as they are now."""

    __tablename__ = "people"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    language: Mapped[str]
    sequence: Mapped[int] = mapped_column(BigInteger)

    @property
    def name(self) -> str:
        """Given name, then family name."""
        return f"{self.given_name} {self.family_name}".strip()


def remember_person(work: Work, event: AccountIssued | AccountChanged) -> None:
    """Keep the name unless a later one is known already; a certificate may have waited for it."""
    row: dict[str, Any] = {
        "account_id": event.account_id,
        "given_name": event.given_name,
        "family_name": event.family_name,
        "language": event.language,
        "sequence": work.sequence or 0,
    }
    statement = insert(Person).values(row)
    newer = {name: statement.excluded[name] for name in row if name != "account_id"}
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Person.account_id], set_=newer, where=Person.sequence <= statement.excluded.sequence
        )
    )
    waiting = exists().where(Certificate.account_id == event.account_id, Certificate.holder.is_(None))
    if work.session.query(waiting).scalar():
        work.wake(NAME_JOB)
