"""One attempt to sign in, from the right password to a session or to its end."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict, NotFound
from libs.contracts.identity import SignInAwaitingFactor, SignInReported, SignInSettled
from libs.messaging.outbox import Aggregate
from services.identity.model.base import Base

PASSWORD_CHANGE_REQUIRED, AWAITING_FACTOR, APPROVED = "password_change_required", "awaiting_factor", "approved"
COMPLETED, EXPIRED, CANCELLED = "completed", "expired", "cancelled"
NOT_REGISTERED, REFUSED, UNAVAILABLE, WITHHELD = "not_registered", "refused", "unavailable", "withheld"

OPEN = (PASSWORD_CHANGE_REQUIRED, AWAITING_FACTOR, APPROVED)


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """How long each step of an attempt may take, by the server's clock."""

    factor: timedelta = timedelta(minutes=5)
    password_change: timedelta = timedelta(minutes=15)
    completion: timedelta = timedelta(minutes=1)


class SignIn(Base, Aggregate):
    """An attempt, bound to the browser that began it and good for one session.

    Only ``mfa``'s events move it out of ``awaiting_factor`` to a good end. Where the issued password must be changed
    first, the five minutes start with the confirmation request, as the waiting page says.
    """

    __tablename__ = "sign_ins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    browser_digest: Mapped[str]
    command_id: Mapped[str | None] = mapped_column(unique=True)
    network: Mapped[str]
    device: Mapped[str]
    state: Mapped[str]
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]

    @classmethod
    def begin(
        cls,
        account_id: UUID,
        *,
        browser_digest: str,
        network: str,
        device: str,
        must_change_password: bool,
        command_id: str | None = None,
        now: datetime,
        deadlines: Deadlines,
    ) -> "SignIn":
        """A new attempt after the right name and password."""
        attempt = cls(
            id=new_id(),
            account_id=account_id,
            browser_digest=browser_digest,
            command_id=command_id,
            network=network,
            device=device,
            created_at=now,
            state=PASSWORD_CHANGE_REQUIRED,
            expires_at=now + deadlines.password_change,
        )
        if not must_change_password:
            attempt._await_factor(now, deadlines)
        return attempt

    def state_at(self, now: datetime) -> str:
        """The state by the clock: an open attempt past its deadline has expired, marked so or not."""
        return EXPIRED if self.state in OPEN and now >= self.expires_at else self.state

    def show_to(self, browser_digest: str) -> None:
        """Raise :class:`NotFound` for any browser but the one that began it."""
        if not hmac.compare_digest(self.browser_digest, browser_digest):
            raise NotFound

    def demand_password_change(self, now: datetime) -> None:
        """Raise :class:`Conflict` unless the attempt waits for a new password."""
        if self.state_at(now) != PASSWORD_CHANGE_REQUIRED:
            raise _impossible(self.state_at(now))

    def password_changed(self, now: datetime, deadlines: Deadlines) -> None:
        """The demanded change was made: ask for the second factor."""
        self.demand_password_change(now)
        self._await_factor(now, deadlines)

    def approve(self, approved_at: datetime, now: datetime, deadlines: Deadlines) -> None:
        """The holder confirmed on the phone; a confirmation after the deadline expires the attempt instead."""
        if self.state != AWAITING_FACTOR:
            return
        if approved_at >= self.expires_at or now >= self.expires_at:
            self._settle(EXPIRED, now)
            return
        self.state, self.expires_at = APPROVED, now + deadlines.completion
        self._tell()

    def fail(self, state: str, now: datetime, *, retry_at: datetime | None = None) -> None:
        """The second factor gave no approval; an attempt that already has an outcome keeps it."""
        if self.state == AWAITING_FACTOR:
            self.retry_at = retry_at
            self._settle(state, now)

    def complete(self, now: datetime) -> None:
        """Use the approval up; raises :class:`Conflict` where there is none or it was used."""
        if self.state_at(now) != APPROVED:
            raise _impossible(self.state_at(now))
        self.state, self.ended_at = COMPLETED, now

    def cancel(self, now: datetime, *, not_me: bool = False) -> None:
        """End it from the browser or for a newer attempt; an attempt that has ended stays as it is."""
        if self.state in OPEN:
            self._settle(CANCELLED if now < self.expires_at else EXPIRED, now)
        if not_me:
            self.record(SignInReported(sign_in_id=self.id, account_id=self.account_id))

    def expire(self, now: datetime) -> None:
        """Mark it as expired once its deadline has passed."""
        if self.state in OPEN and now >= self.expires_at:
            self._settle(EXPIRED, now)

    def _await_factor(self, now: datetime, deadlines: Deadlines) -> None:
        self.state, self.expires_at = AWAITING_FACTOR, now + deadlines.factor
        self.code = str(10 + secrets.randbelow(90))
        self.record(
            SignInAwaitingFactor(
                sign_in_id=self.id, account_id=self.account_id, code=self.code, expires_at=self.expires_at
            )
        )

    def _settle(self, state: str, now: datetime) -> None:
        asked = self.state != PASSWORD_CHANGE_REQUIRED
        self.state, self.ended_at = state, now
        if asked:  # before that nobody but the browser knew of it
            self._tell()

    def _tell(self) -> None:
        self.record(SignInSettled(sign_in_id=self.id, account_id=self.account_id, state=self.state))


# the last word on "one open attempt for one account"
Index("uq_sign_ins_account_id_open", SignIn.account_id, unique=True, postgresql_where=SignIn.state.in_(OPEN))
Index("ix_sign_ins_expires_at_open", SignIn.expires_at, postgresql_where=SignIn.state.in_(OPEN))
Index("ix_sign_ins_created_at", SignIn.created_at)


def _impossible(state: str) -> Conflict:
    return Conflict("sign_in_" + state, "This sign-in cannot go on.", params={"state": state})
