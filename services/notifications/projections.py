"""What notifications remember of people: how to address and reach them."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from libs.contracts.identity import AccountChanged, AccountClosed, AccountIssued
from libs.messaging.work import Work
from services.notifications.model.base import Base

SEND_MAILS = "send mails"


class Account(Base):
    """A person to write to; ``sequence`` is the account's version these data are of, 0 while none are known."""

    __tablename__ = "accounts"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    language: Mapped[str]
    closed: Mapped[bool]
    sequence: Mapped[int] = mapped_column(BigInteger)


def remember_account(work: Work, event: AccountIssued | AccountChanged) -> None:
    """Keep the data unless later ones are known, and send what waited for them."""
    data = {
        "login": event.login,
        "given_name": event.given_name,
        "family_name": event.family_name,
        "email": event.email,
        "language": event.language,
        "sequence": work.sequence or 1,
    }
    statement = insert(Account).values(account_id=event.account_id, closed=False, **data)
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Account.account_id], set_=data, where=Account.sequence <= statement.excluded.sequence
        )
    )
    work.wake(SEND_MAILS)


def close_account(work: Work, event: AccountClosed) -> None:
    """Nothing more is sent to a closed account, whatever arrives late."""
    unknown = dict.fromkeys(("login", "given_name", "family_name", "email"), "")
    statement = insert(Account).values(account_id=event.account_id, closed=True, language="bg", sequence=0, **unknown)
    work.session.execute(statement.on_conflict_do_update(index_elements=[Account.account_id], set_={"closed": True}))
