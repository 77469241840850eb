"""A person's login."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict
from libs.contracts.identity import (
    ORGANISATION_ROLES,
    AccountChanged,
    AccountClosed,
    AccountIssued,
    PasswordChanged,
    PasswordReissued,
)
from libs.messaging.outbox import Aggregate
from services.identity.model.base import Base
from services.identity.model.credential import Credential
from services.identity.model.membership import Membership

INVITED, ACTIVE, CLOSED = "invited", "active", "closed"


def folded(login: str) -> str:
    """A login or address as it is stored and compared: letter case and blanks around it make no difference."""
    return unicodedata.normalize("NFKC", login).strip().lower()


@dataclass(frozen=True, kw_only=True)
class Person:
    """The checked data of a person: names, lower-case e-mail, phone in E.164."""

    given_name: str
    family_name: str
    email: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class IssuedPassword:
    """A temporary password on its way: what we store of it and what ``notifications`` alone can open."""

    digest: str
    sealed: str
    lifetime: timedelta


class Account(Base, Aggregate):
    """One person's account: ``invited`` until the issued password is changed, then ``active``, at last ``closed``."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str]
    language: Mapped[str]
    staff_roles: Mapped[list[str]]
    state: Mapped[str]
    created_at: Mapped[datetime]
    last_signed_in_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    credential: Mapped[Credential] = relationship(lazy="raise", cascade="all, delete-orphan")
    memberships: Mapped[list[Membership]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by=Membership.created_at
    )

    @classmethod
    def issue(
        cls,
        person: Person,
        *,
        login: str,
        role: str,
        organisation_id: UUID | None,
        language: str,
        password: IssuedPassword,
        now: datetime,
    ) -> "Account":
        """A new account whose holder gets a temporary password."""
        in_organisation = role in ORGANISATION_ROLES
        account = cls(
            id=new_id(),
            login=login,
            given_name=person.given_name,
            family_name=person.family_name,
            email=person.email,
            phone=person.phone,
            language=language,
            staff_roles=[] if in_organisation else [role],
            state=INVITED,
            created_at=now,
        )
        if in_organisation:
            account.memberships = [Membership(organisation_id=organisation_id, role=role, created_at=now)]
        else:
            account.memberships = []
        account.credential = Credential()
        account.credential.issue(password.digest, now, password.lifetime)
        account.record(
            AccountIssued(
                account_id=account.id,
                login=account.login,
                given_name=account.given_name,
                family_name=account.family_name,
                email=account.email,
                phone=account.phone,
                language=account.language,
                roles=account.roles,
                organisation_id=account.organisation_id,
                sealed_password=password.sealed,
                password_expires_at=account.credential.expires_at,
            )
        )
        return account

    @property
    def membership(self) -> Membership | None:
        """The membership the person acts under."""
        return self.memberships[0] if self.memberships else None

    @property
    def organisation_id(self) -> UUID | None:
        """The organisation the person belongs to, if any."""
        return self.membership.organisation_id if self.membership else None

    @property
    def roles(self) -> list[str]:
        """Staff roles and the role in the organisation."""
        return [*self.staff_roles, *([self.membership.role] if self.membership else [])]

    def correct(self, person: Person) -> None:
        """Correct the person's data; a login that was the e-mail follows it."""
        self._must_be_open()
        if self.login == self.email:
            self.login = person.email
        self.given_name, self.family_name = person.given_name, person.family_name
        self.email, self.phone = person.email, person.phone
        self._record_change()

    def speak(self, language: str) -> None:
        """Choose the language of mails and pages."""
        self._must_be_open()
        self.language = language
        self._record_change()

    def reissue(self, password: IssuedPassword, now: datetime) -> None:
        """Issue a new temporary password; whatever password there was is dead."""
        self._must_be_open()
        self.state = INVITED
        self.credential.issue(password.digest, now, password.lifetime)
        self.record(
            PasswordReissued(
                account_id=self.id, sealed_password=password.sealed, password_expires_at=now + password.lifetime
            )
        )

    def choose_password(self, digest: str, now: datetime) -> None:
        """Take the holder's own password; the first one makes the account active."""
        self._must_be_open()
        first = self.credential.is_temporary
        self.credential.choose(digest, now)
        self.state = ACTIVE
        self.record(PasswordChanged(account_id=self.id, first=first))

    def close(self, now: datetime) -> None:
        """End the account; its results stay with other services."""
        self._must_be_open()
        self.state, self.closed_at = CLOSED, now
        self.record(AccountClosed(account_id=self.id))

    def _must_be_open(self) -> None:
        if self.state == CLOSED:
            raise Conflict("account_closed", "This account is closed.")

    def _record_change(self) -> None:
        self.record(
            AccountChanged(
                account_id=self.id,
                login=self.login,
                given_name=self.given_name,
                family_name=self.family_name,
                email=self.email,
                phone=self.phone,
                language=self.language,
                roles=self.roles,
                organisation_id=self.organisation_id,
            )
        )


Index("uq_accounts_login", func.lower(Account.login), unique=True)
Index("uq_accounts_email", func.lower(Account.email), unique=True)
Index("ix_accounts_names", Account.family_name, Account.given_name, Account.id)
