"""Accounts, organisations and sign-ins for tests, all through identity's own deeds."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from libs.chassis.clock import ManualClock
from libs.chassis.crypto import generate_sealing_keys, unseal
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner, generate_key_pair
from libs.contracts.base import load
from libs.contracts.identity import (
    AccountIssued,
    BeginSignIn,
    ChangeIssuedPassword,
    CompleteSignIn,
    GetSignIn,
    IssueAccount,
    OrganisationView,
    PasswordReissued,
    PersonView,
    RegisterOrganisation,
    SessionView,
    SignInView,
)
from libs.contracts.mfa import ChallengeApproved
from libs.messaging.tables import outbox
from libs.messaging.work import Work
from services.identity import queries, settings
from services.identity.handlers import accounts, organisations, passwords, sign_in
from tests.support.databases import WorkFor

GOOD_PASSWORD = "седем сиви сойки"
EIKS = ("831650349", "175074752", "121699202")
_numbers = itertools.count(1)


@cache
def _principal_keys() -> tuple[str, str]:
    return generate_key_pair()


@cache
def _sealing_keys() -> tuple[str, str]:
    return generate_sealing_keys()


def configure_identity(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Set identity's environment; argon2 is weak unless told otherwise, so that tests are quick."""
    environment = {
        "IDENTITY_SIGNING_KEY": _principal_keys()[0],
        "SEALING_PUBLIC_KEY": _sealing_keys()[1],
        "OPERATOR": "demo",
        "IDENTITY_ARGON2_MEMORY_KIB": "64",
        "IDENTITY_ARGON2_PASSES": "1",
        **{f"IDENTITY_{name.upper()}": str(value) for name, value in values.items()},
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_settings()


def forget_settings() -> None:
    """Let the next reader read the environment again."""
    for remembered in (
        settings.settings,
        settings.signer,
        settings.sealing_key,
        settings.hasher,
        settings.throttle_secret,
        settings.operator,
    ):
        remembered.cache_clear()


def principal_public_key() -> str:
    """Verifies what the configured identity signs."""
    return _principal_keys()[1]


def opened(sealed: str) -> str:
    """The secret that only notifications can read."""
    return unseal(sealed, _sealing_keys()[0])


def digest_of(token: str) -> str:
    """What the gateway sends instead of a browser's or session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def a_principal(
    *roles: str, organisation_id: UUID | None = None, account_id: UUID | None = None, session_id: UUID | None = None
) -> Principal:
    """Somebody signed in with these roles."""
    return Principal(
        account_id=account_id or new_id(),
        session_id=session_id or new_id(),
        organisation_id=organisation_id,
        roles=frozenset(roles),
    )


def signed(principal: Principal) -> str:
    """The principal as it travels with a request."""
    return PrincipalSigner(_principal_keys()[0]).sign(principal)[0]


def events_in(work: Work, *types: str) -> list[dict[str, Any]]:
    """What was recorded, oldest first; ``types`` without service and version, such as ``account_issued``."""
    rows = work.session.execute(select(outbox.c.type, outbox.c.payload).order_by(outbox.c.position))
    return [row.payload for row in rows if not types or row.type.split(".")[1] in types]


@dataclass
class Holder:
    """A person with an account, at a browser."""

    account: PersonView
    password: str
    browser: str = field(default_factory=lambda: f"browser {next(_numbers)}")

    @property
    def login(self) -> str:
        return self.account.login

    @property
    def id(self) -> UUID:
        return self.account.account_id


class Desk:
    """The operator's desk: issues accounts and walks people through signing in."""

    def __init__(self, work_for: WorkFor, clock: ManualClock) -> None:
        self.work_for = work_for
        self.clock = clock

    def organisation(self, number: str = EIKS[0], name: str = "Примерен брокер ООД") -> OrganisationView:
        """A registered organisation."""
        with self.work_for("identity", principal=a_principal("clerk")) as work:
            return organisations.register(work, RegisterOrganisation(name=name, number=number, address="София"))

    def issue(self, role: str = "member", organisation: OrganisationView | None = None, **values: str) -> Holder:
        """Somebody with an issued password."""
        number = next(_numbers)
        data = {
            "given_name": "Елена",
            "family_name": "Димитрова",
            "email": f"elena{number}@broker.example",
            "phone": f"+35988{number:07d}",
            **values,
        }
        organisation_id = organisation.id if organisation else None
        with self.work_for("identity", principal=a_principal("admin")) as work:
            account = accounts.issue(work, IssueAccount(role=role, organisation_id=organisation_id, **data))
        return Holder(account, self.latest_password(account.account_id))

    def latest_password(self, account_id: UUID) -> str:
        """The temporary password in the last mail to the holder."""
        with self.work_for("identity") as work:
            mails = events_in(work, "account_issued", "password_reissued")
        issued = [one for one in mails if one["account_id"] == str(account_id)][-1]
        kind = AccountIssued if "login" in issued else PasswordReissued
        return opened(load(kind, issued).sealed_password or "")

    def active(self, role: str = "member", organisation: OrganisationView | None = None, **values: str) -> Holder:
        """Somebody who has changed the issued password."""
        holder = self.issue(role, organisation, **values)
        attempt = self.begin(holder)
        self.change(holder, attempt)
        self.approve(attempt, holder)
        self.complete(attempt, holder)
        return holder

    def begin(self, holder: Holder, *, password: str | None = None, network: str = "") -> SignInView:
        """Name and password."""
        with self.work_for("identity") as work:
            return sign_in.begin(work, self.begin_command(holder.login, password or holder.password, holder, network))

    def begin_command(self, login: str, password: str, holder: Holder | None = None, network: str = "") -> BeginSignIn:
        """What the gateway sends for a name and a password."""
        browser = digest_of(holder.browser if holder else "somebody's browser")
        return BeginSignIn(login=login, password=password, browser_digest=browser, network=network, device="Firefox")

    def change(self, holder: Holder, attempt: SignInView, password: str = GOOD_PASSWORD) -> SignInView:
        """The demanded change of the issued password."""
        command = ChangeIssuedPassword(
            sign_in_id=attempt.id, browser_digest=digest_of(holder.browser), new_password=password
        )
        with self.work_for("identity") as work:
            view = passwords.change_issued(work, command)
        holder.password = password
        return view

    def approve(self, attempt: SignInView, holder: Holder) -> None:
        """mfa tells that the holder confirmed on the phone."""
        event = ChallengeApproved(
            challenge_id=new_id(), sign_in_id=attempt.id, account_id=holder.id, approved_at=self.clock.now()
        )
        with self.work_for("identity") as work:
            sign_in.approve(work, event)

    def look(self, attempt: SignInView, holder: Holder) -> SignInView:
        """What the waiting page asks."""
        with self.work_for("identity") as work:
            return queries.get_sign_in(work, GetSignIn(sign_in_id=attempt.id, browser_digest=digest_of(holder.browser)))

    def complete(self, attempt: SignInView, holder: Holder, token: str | None = None) -> SessionView:
        """Trade the approval for a session."""
        command = CompleteSignIn(
            sign_in_id=attempt.id,
            browser_digest=digest_of(holder.browser),
            session_digest=digest_of(token or f"session {next(_numbers)}"),
        )
        with self.work_for("identity") as work:
            return sign_in.complete(work, command)

    def signed_in(self, holder: Holder, token: str, *, network: str = "") -> SessionView:
        """The whole way of somebody active to a session with this token."""
        attempt = self.begin(holder, network=network)
        self.approve(attempt, holder)
        return self.complete(attempt, holder, token)

    def principal(self, holder: Holder, session: SessionView | None = None) -> Principal:
        """The holder, signed in."""
        return a_principal(
            *holder.account.roles,
            organisation_id=holder.account.organisation_id,
            account_id=holder.id,
            session_id=session.id if session else None,
        )

    def events(self, *types: str) -> list[dict[str, Any]]:
        """What identity told the others."""
        with self.work_for("identity") as work:
            return events_in(work, *types)

    def states(self, attempt_ids: Iterable[UUID]) -> list[str]:
        """The settled states told about these attempts."""
        wanted = {str(one) for one in attempt_ids}
        return [one["state"] for one in self.events("sign_in_settled") if one["sign_in_id"] in wanted]
