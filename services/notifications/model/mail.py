"""A mail of the register, from the event that caused it until it is sent or given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict
from services.notifications.model.base import Base

QUEUED, SENT, GIVEN_UP = "queued", "sent", "given_up"

BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3_600, 4 * 3_600, 12 * 3_600, 24 * 3_600))
"""How long to wait after the first failed attempt, the second, and so on; after the last one the mail is given up."""

LONGEST_WAIT = timedelta(days=2)
"""How long a mail waits for a mail server that is away before it is given up; a little longer than all of BACK_OFF."""

WITH_SECRET = frozenset({"account_issued", "password_reissued"})
"""Mails that make no sense without the secret they carry."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A document that goes along, by its key in the document store."""

    key: str
    filename: str
    content_type: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Attachment":
        """The attachment as it stands in the register."""
        return cls(key=data["key"], filename=data["filename"], content_type=data["content_type"])


@dataclass(frozen=True, kw_only=True)
class AsSent:
    """What the register keeps of a mail that went out; secrets are blotted out of its text."""

    recipient: str
    language: str
    subject: str
    text: str


class Mail(Base):
    """One mail to one person about one event; who asks again for the same is told it exists."""

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("event_id", "account_id", "template"),
        CheckConstraint("state IN ('queued', 'sent', 'given_up')", name="state"),
        Index("ix_mails_due", "next_attempt_at", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_mails_state_id", "state", "id"),
        Index("ix_mails_account_id_id", "account_id", "id"),
        Index("ix_mails_secret_expires_at", "secret_expires_at", postgresql_where=text("sealed_secret IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    event_id: Mapped[UUID]
    account_id: Mapped[UUID]
    template: Mapped[str]
    context: Mapped[dict[str, Any]]
    attachments: Mapped[list[Any]]
    sealed_secret: Mapped[str | None]
    secret_expires_at: Mapped[datetime | None]
    correlation_id: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime]
    # of a claimed mail: when somebody else may take it, should its sender have died
    next_attempt_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    recipient: Mapped[str | None]
    language: Mapped[str | None]
    subject: Mapped[str | None]
    text: Mapped[str | None]

    @property
    def documents(self) -> list[Attachment]:
        """What goes along."""
        return [Attachment.read(data) for data in self.attachments]

    @property
    def needs_secret(self) -> bool:
        """Whether the mail makes no sense without its secret."""
        return self.template in WITH_SECRET

    @property
    def can_resend(self) -> bool:
        """Whether it was given up and all it needs is still there."""
        return self.state == GIVEN_UP and (self.sealed_secret is not None or not self.needs_secret)

    def claim(self, now: datetime, lease: timedelta) -> None:
        """Take the mail for one attempt."""
        self.attempts += 1
        self.next_attempt_at = now + lease

    def wait(self, now: datetime, *, until: datetime, error: str) -> None:
        """The mail server is away, which is not this mail's fault: no attempt counts, but not for ever."""
        if self.state != QUEUED:
            return
        if now - self.queued_at > LONGEST_WAIT:
            self.give_up(now, error)
            return
        self.attempts -= 1
        self.last_error = error
        self.next_attempt_at = until

    def mark_sent(self, now: datetime, *, kept: AsSent) -> None:
        """The mail server took it over: keep what was said, forget the secret."""
        self.state = SENT
        self.sent_at = now
        self.next_attempt_at = None
        self.last_error = None
        self.sealed_secret = None
        self.recipient, self.language, self.subject, self.text = kept.recipient, kept.language, kept.subject, kept.text

    def try_later(self, now: datetime, error: str) -> None:
        """Wait before the next attempt, or give up after the last."""
        if self.state != QUEUED:
            return
        if self.attempts > len(BACK_OFF):
            self.give_up(now, error)
            return
        self.last_error = error
        self.next_attempt_at = now + BACK_OFF[self.attempts - 1]

    def give_up(self, _now: datetime, error: str) -> None:
        """No attempt will help; staff see it and its reason."""
        if self.state != QUEUED:
            return
        self.state = GIVEN_UP
        self.last_error = error
        self.next_attempt_at = None

    def resend(self, now: datetime) -> None:
        """Put a mail that was given up back into the queue, with all its attempts before it."""
        if not self.can_resend:
            raise Conflict(
                "cannot_resend",
                "Only a mail that was given up, and whose secret still holds, can be sent again.",
                params={"state": self.state},
            )
        self.state = QUEUED
        self.attempts = 0
        self.queued_at = now
        self.next_attempt_at = now
