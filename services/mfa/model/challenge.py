"""One demand for approval, bound to one sign-in."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeIssued,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from libs.messaging.outbox import Aggregate
from services.mfa.model.base import Base


class State(StrEnum):
    """Where a challenge stands; our words, the provider's codes have columns of their own."""

    REQUESTED = "requested"  # nothing has been sent
    SENDING = "sending"  # the push may be on its way: never sent a second time
    PENDING = "pending"  # on the phone
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    WITHHELD = "withheld"


OPEN = frozenset({State.REQUESTED, State.SENDING, State.PENDING})
_OPEN_SQL = "state IN ('requested', 'sending', 'pending')"


class Settled(Exception):
    """The challenge is over; nothing can change its outcome."""


class Challenge(Aggregate, Base):
    """Open until the first outcome; every later one is void.

    ``due_at`` is when the next step is owed: the send, the next look at the provider, or the end of a lease taken by
    a process that may have died. ``withdrawal_due_at`` is set while the provider has yet to be told that a push is
    taken back.
    """

    __tablename__ = "challenges"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in State)})", name="state_known"),
        Index("uq_challenges_open_account", "account_id", unique=True, postgresql_where=text(_OPEN_SQL)),
        Index("ix_challenges_open_due_at", "due_at", postgresql_where=text(_OPEN_SQL)),
        Index("ix_challenges_open_expires_at", "expires_at", postgresql_where=text(_OPEN_SQL)),
        Index(
            "ix_challenges_withdrawal_due_at",
            "withdrawal_due_at",
            postgresql_where=text("withdrawal_due_at IS NOT NULL"),
        ),
        Index("ix_challenges_account_id_created_at", "account_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sign_in_id: Mapped[UUID] = mapped_column(unique=True)
    account_id: Mapped[UUID]
    code: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.REQUESTED)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)  # failed steps in a row
    correlation_id: Mapped[str]
    transaction_id: Mapped[str | None] = mapped_column(unique=True)
    thread_id: Mapped[str | None]
    vendor_status: Mapped[int | None]
    vendor_reject_reason: Mapped[int | None]
    withdrawal_due_at: Mapped[datetime | None]
    withdrawal_tries: Mapped[int] = mapped_column(default=0)

    @classmethod
    def request(
        cls, *, sign_in_id: UUID, account_id: UUID, code: str, expires_at: datetime, now: datetime, correlation_id: str
    ) -> "Challenge":
        """A new demand, to be sent at once."""
        return cls(
            id=new_id(),
            sign_in_id=sign_in_id,
            account_id=account_id,
            code=code,
            state=State.REQUESTED,
            created_at=now,
            expires_at=expires_at,
            due_at=now,
            tries=0,
            withdrawal_tries=0,
            correlation_id=correlation_id,
        )

    @property
    def is_open(self) -> bool:
        """Whether an outcome is still awaited."""
        return self.state in OPEN

    def lies_unseen(self, now: datetime) -> bool:
        """Whether a push may be on the phone whose id we never learned; it ends with its own expiry."""
        return self.sent_at is not None and self.transaction_id is None and now < self.expires_at

    def is_being_sent(self, now: datetime) -> bool:
        """Whether a process is still waiting for the provider's receipt."""
        return self.lies_unseen(now) and now < self.due_at

    def wait(self, until: datetime) -> None:
        """Something else has to end first."""
        self.due_at = until

    def postpone(self, until: datetime) -> None:
        """Counts a failed step and owes it again later."""
        self.tries += 1
        self.due_at = until

    def begin_sending(self, now: datetime, until: datetime) -> None:
        """From here on a push may exist: whatever happens, it is not sent again."""
        self._expect(State.REQUESTED)
        self.state = State.SENDING
        self.sent_at = now
        self.tries = 0
        self.due_at = until

    def issue(self, transaction_id: str, thread_id: str, *, look_at: datetime) -> None:
        """The provider took the push."""
        self._expect(State.SENDING)
        self.state = State.PENDING
        self.transaction_id = transaction_id
        self.thread_id = thread_id
        self.due_at = look_at
        self.record(
            ChallengeIssued(
                challenge_id=self.id,
                sign_in_id=self.sign_in_id,
                account_id=self.account_id,
                expires_at=self.expires_at,
            )
        )

    def note_not_sent(self) -> None:
        """The provider certainly did not take the push."""
        self.sent_at = None

    def note_late_push(self, transaction_id: str, thread_id: str, now: datetime) -> None:
        """The provider took a push that nobody waits for any more: it is taken back."""
        self.transaction_id = transaction_id
        self.thread_id = thread_id
        self.withdrawal_due_at = now

    def look_again(self, at: datetime) -> None:
        """Not answered yet."""
        self._expect(State.PENDING)
        self.tries = 0
        self.due_at = at

    def note_vendor(self, status: int, reject_reason: int | None) -> None:
        """Keeps the provider's own words beside ours."""
        self.vendor_status = status
        self.vendor_reject_reason = reject_reason

    def approve(self, now: datetime) -> None:
        """The person confirmed; after the deadline that is an expiry."""
        self._expect(State.PENDING)
        if now >= self.expires_at:
            self.expire(now)
            return
        self._settle(State.APPROVED, now)
        self.record(
            ChallengeApproved(
                challenge_id=self.id, sign_in_id=self.sign_in_id, account_id=self.account_id, approved_at=now
            )
        )

    def reject(self, now: datetime) -> None:
        """The person refused."""
        self._settle(State.REJECTED, now)
        self.record(ChallengeRejected(challenge_id=self.id, sign_in_id=self.sign_in_id, account_id=self.account_id))

    def expire(self, now: datetime) -> None:
        """Nobody answered in time, by our clock."""
        self._settle(State.EXPIRED, now)
        self._take_back(now)
        self.record(ChallengeExpired(challenge_id=self.id, sign_in_id=self.sign_in_id, account_id=self.account_id))

    def miss(self, now: datetime) -> None:
        """The provider does not know the person under our phone number, or not well enough."""
        self._settle(State.MISSING, now)
        self.record(FactorMissing(sign_in_id=self.sign_in_id, account_id=self.account_id))

    def give_up(self, now: datetime) -> None:
        """The provider could not be asked, or its answer proves nothing."""
        self._settle(State.UNAVAILABLE, now)
        self._take_back(now)
        self.record(ChallengeUnavailable(sign_in_id=self.sign_in_id, account_id=self.account_id))

    def withhold(self, now: datetime, retry_at: datetime) -> None:
        """The person was asked or refused too often lately: no push goes out."""
        self._settle(State.WITHHELD, now)
        self.record(ChallengeWithheld(sign_in_id=self.sign_in_id, account_id=self.account_id, retry_at=retry_at))

    def withdraw(self, now: datetime) -> None:
        """The sign-in ended elsewhere: the push is taken back and an answer to it is void."""
        self._settle(State.WITHDRAWN, now)
        self._take_back(now)

    def report(self, now: datetime) -> None:
        """The holder says it was somebody else: weighs like a refusal."""
        self.reported_at = now
        if self.is_open:
            self.withdraw(now)

    def withdrawal_done(self) -> None:
        """The provider knows that nobody waits any more."""
        self.withdrawal_due_at = None

    def postpone_withdrawal(self, now: datetime, wait: timedelta) -> None:
        """Tried again later, but not once the provider has let the push expire itself."""
        self.withdrawal_tries += 1
        later = now + wait
        self.withdrawal_due_at = None if later > self.expires_at else later

    def _take_back(self, now: datetime) -> None:
        if self.thread_id is not None:
            self.withdrawal_due_at = now

    def _settle(self, state: State, now: datetime) -> None:
        if not self.is_open:
            raise Settled(f"{self.state} challenge cannot become {state}")
        self.state = state
        self.settled_at = now

    def _expect(self, state: State) -> None:
        if self.state != state:
            raise Settled(f"expected a {state} challenge, this one is {self.state}")
