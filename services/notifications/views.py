"""A mail in words, and how the register tells it."""

from jinja2 import TemplateError

from libs.contracts.notifications import MailView
from services.notifications.adapters.templates import BLOT, Reader, Worded, word
from services.notifications.adapters.wording import language_for
from services.notifications.model import Mail
from services.notifications.model.mail import SENT
from services.notifications.projections import Account
from services.notifications.settings import operator, public_url, settings


def reader_of(account: Account) -> Reader:
    """The person with the language we write in."""
    return Reader(
        given_name=account.given_name,
        family_name=account.family_name,
        login=account.login,
        language=language_for(account.language, operator().languages),
    )


def word_mail(mail: Mail, reader: Reader, *, secret: str = BLOT) -> Worded:
    """The mail in the reader's language; without its secret unless that is given."""
    return word(
        mail.template,
        reader=reader,
        context=mail.context,
        operator=operator(),
        portal=public_url(),
        zone=settings().time_zone,
        secret=secret,
    )


def view_of(mail: Mail, account: Account | None, *, with_text: bool = False) -> MailView:
    """The mail as staff see it: a sent one as it was sent, another as it would be; never with its secret."""
    language, subject, text = mail.language or "", mail.subject or "", mail.text or ""
    if mail.state != SENT and account is not None and account.sequence > 0:
        language, subject, text = _as_of_now(mail, account)
    return MailView(
        id=mail.id,
        template=mail.template,
        language=language,
        recipient=mail.recipient or (account.email if account else ""),
        subject=subject or mail.template,
        state=mail.state,
        attempts=mail.attempts,
        queued_at=mail.queued_at,
        sent_at=mail.sent_at,
        next_attempt_at=mail.next_attempt_at,
        last_error=mail.last_error,
        account_id=mail.account_id,
        attachments=[document.filename for document in mail.documents],
        text=text if with_text else None,
        can_resend=mail.can_resend,
    )


def _as_of_now(mail: Mail, account: Account) -> tuple[str, str, str]:
    reader = reader_of(account)
    try:
        worded = word_mail(mail, reader)
    except TemplateError:
        # the register must be readable most of all when a mail is broken; last_error says why it is
        return reader.language, "", ""
    return reader.language, worded.subject, worded.text
