"""Makes the message that goes out: RFC 5322, text and HTML, attachments, headers nobody can smuggle lines into."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from libs.chassis.documents import DocumentMissing, DocumentStore
from services.notifications.adapters.templates import Worded
from services.notifications.model import Attachment


class BadAddress(Exception):
    """No mail can be addressed to this."""


class AttachmentMissing(Exception):
    """A document that should go along is not in the store."""


def compose(
    *,
    mail_id: UUID,
    sender: Address,
    recipient: Address,
    worded: Worded,
    language: str,
    attachments: list[Attachment],
    documents: DocumentStore,
    at: datetime,
) -> EmailMessage:
    """The whole message; its id follows from the register's, so that a repeat is known as one."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = worded.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    # RFC 3834: machines are asked not to answer
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(worded.text)
    message.add_alternative(worded.html, subtype="html")
    for attachment in attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(
            _content(documents, attachment), maintype=main, subtype=sub, filename=one_line(attachment.filename)
        )
    message["Content-Language"] = language  # last: setting the content throws such headers away
    return message


def address(name: str, email: str) -> Address:
    """A person's address with the name; raises :class:`BadAddress`."""
    try:
        checked = validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise BadAddress(email) from error
    # a domain in Cyrillic has an ASCII form that every mail server takes; a local part has none
    return Address(
        display_name=one_line(name), username=checked.local_part, domain=checked.ascii_domain or checked.domain
    )


def sender_address(mail_from: str, name: str, support: str) -> Address:
    """The sender: ``MAIL_FROM`` (with or without a name of its own), else the operator's support address."""
    own_name, email = parseaddr(mail_from)
    return address(own_name or name, email or support)


def one_line(text: str) -> str:
    """The text without line ends, tabs and other characters that nobody sees."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _content(documents: DocumentStore, attachment: Attachment) -> bytes:
    try:
        return documents.read(attachment.key)
    except DocumentMissing:
        raise AttachmentMissing(attachment.key) from None
