"""What ``notifications`` answers: the register of every mail. It publishes no events."""

from datetime import datetime
from uuid import UUID

from libs.contracts.base import between, bounded, contract, one_of

MAIL_STATES = ("queued", "sent", "given_up")


@contract
class ListMails:
    """The register, newest first; staff only."""

    state: str = one_of("", *MAIL_STATES, default="")
    search: str = bounded(100, default="")
    account_id: UUID | None = None
    page_size: int = between(1, 200, default=50)
    page_token: str | None = None


@contract
class MailView:
    """A mail of the register; secrets in its text are blotted out once it was sent."""

    id: UUID
    template: str
    language: str
    recipient: str
    subject: str
    state: str
    attempts: int
    queued_at: datetime
    sent_at: datetime | None = None
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    account_id: UUID | None = None
    attachments: list[str] = bounded(10, default=[])
    text: str | None = None
    can_resend: bool = False


@contract
class Mails:
    """A page of the register, with the count of each state."""

    items: list[MailView]
    queued: int
    sent: int
    given_up: int
    next_page_token: str | None = None


@contract
class GetMail:
    """Asks for one mail with its text."""

    mail_id: UUID


@contract
class ResendMail:
    """Puts a mail that was given up into the queue again."""

    mail_id: UUID
