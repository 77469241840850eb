"""What we want of a push provider, in our words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

CIRCUIT_OPEN = "circuit_open"
"""The reason of a failure where the provider is being left alone for a while."""


class Standing(StrEnum):
    """How a person stands with the provider."""

    READY = "ready"
    NOT_REGISTERED = "not_registered"
    NOT_IDENTIFIED = "not_identified"
    NOT_READY = "not_ready"


class Answer(StrEnum):
    """What became of a push."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    UNDELIVERABLE = "undeliverable"
    WRONG_FACE = "wrong_face"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A push that went out."""

    transaction_id: str
    thread_id: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An answer with the provider's own codes; ``status`` is None where there was none."""

    answer: Answer
    status: int | None = None
    reject_reason: int | None = None


class ProviderFailed(Exception):
    """The provider did not do what was asked; ``reason`` is a stable word for logs and metrics.

    ``perhaps_done`` tells whether it may have done it all the same.
    """

    perhaps_done = False

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Unknown(ProviderFailed):
    """No answer, or one that cannot be understood: proves nothing in either direction."""

    perhaps_done = True


class NotReached(ProviderFailed):
    """The request never arrived."""


class Refused(ProviderFailed):
    """The provider understood and refused; asking again will not help."""


class NotAuthorised(Refused):
    """Our signature or number is not accepted: an operator has to act."""


class UnknownPerson(Refused):
    """The provider has nobody under this phone number."""


class PushProvider(Protocol):
    """Sends pushes and tells what became of them; every method may raise :class:`ProviderFailed`."""

    def standing_of(self, phone: str) -> Standing:
        """Whether the person under this number can be asked."""
        ...

    def send(self, phone: str, description: str, expires_at: datetime) -> Receipt:
        """Puts a demand on the person's phone."""
        ...

    def look(self, transaction_id: str) -> Finding:
        """What became of a push."""
        ...

    def withdraw(self, thread_id: str) -> bool:
        """Takes a push back; False where it had been answered already."""
        ...
