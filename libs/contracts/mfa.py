"""What ``mfa`` publishes: the outcome of challenges. It answers identity's ``sign_in_awaiting_factor``."""

from datetime import datetime
from uuid import UUID

from libs.contracts.base import Event, between, contract, event


@event("mfa.challenge_issued.v1", subject="challenge_id")
class ChallengeIssued(Event):
    """A push went out."""

    challenge_id: UUID
    sign_in_id: UUID
    account_id: UUID
    expires_at: datetime


@event("mfa.factor_missing.v1", subject="sign_in_id")
class FactorMissing(Event):
    """The provider does not know the person under the phone number we have."""

    sign_in_id: UUID
    account_id: UUID


@event("mfa.challenge_approved.v1", subject="challenge_id")
class ChallengeApproved(Event):
    """The holder confirmed on the phone, in time; ``approved_at`` by our clock."""

    challenge_id: UUID
    sign_in_id: UUID
    account_id: UUID
    approved_at: datetime


@event("mfa.challenge_rejected.v1", subject="challenge_id")
class ChallengeRejected(Event):
    """The holder refused on the phone."""

    challenge_id: UUID
    sign_in_id: UUID
    account_id: UUID


@event("mfa.challenge_expired.v1", subject="challenge_id")
class ChallengeExpired(Event):
    """No answer in time."""

    challenge_id: UUID
    sign_in_id: UUID
    account_id: UUID


@event("mfa.challenge_unavailable.v1", subject="sign_in_id")
class ChallengeUnavailable(Event):
    """The provider could not be asked, or answered in a way that proves nothing."""

    sign_in_id: UUID
    account_id: UUID


@event("mfa.challenge_withheld.v1", subject="sign_in_id")
class ChallengeWithheld(Event):
    """No push was sent: refused or asked too often lately; again from ``retry_at``."""

    sign_in_id: UUID
    account_id: UUID
    retry_at: datetime


@contract
class ListChallenges:
    """Asks for the newest challenges of an account; staff only."""

    account_id: UUID
    page_size: int = between(1, 200, default=20)


@contract
class ChallengeView:
    """A challenge as staff see it.

    ``state``: ``requested``, ``sending``, ``pending``, ``approved``, ``rejected``, ``expired``, ``withdrawn``,
    ``missing``, ``unavailable``, ``withheld``; ``provider_status`` is the push provider's own code.
    """

    id: UUID
    sign_in_id: UUID
    state: str
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None
    provider_status: int | None = None


@contract
class Challenges:
    """Challenges, newest first."""

    items: list[ChallengeView]
