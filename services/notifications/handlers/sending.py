"""Sends what is due: claims in one transaction, talks to the mail server in none, records in another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial

from jinja2 import TemplateError
from sqlalchemy import select, update

from libs.chassis.crypto import unseal
from libs.chassis.logging import correlation_id, get_logger
from libs.chassis.metrics import Counter
from libs.messaging.fail_points import reach
from libs.messaging.work import Work, WorkFactory
from services.notifications.adapters import letters, smtp
from services.notifications.adapters.templates import BLOT
from services.notifications.adapters.wording import local
from services.notifications.model.mail import QUEUED, AsSent, Mail
from services.notifications.projections import Account
from services.notifications.settings import document_store, operator, settings
from services.notifications.views import reader_of, word_mail

BATCH = 20
LEASE = timedelta(minutes=10)
ERASE_BATCH = 500

log = get_logger(__name__)
outcomes = Counter("notifications_mails", "Attempts to send a mail by their outcome.", ["outcome"])


class Unsendable(Exception):
    """The mail cannot be made, now or ever; ``reason`` is what staff read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class NotYet(Exception):
    """Something of the mail is missing that may still come."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A mail taken for one attempt, with the data of its reader at this moment."""

    mail: Mail
    account: Account
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What goes out, and what of it the register keeps."""

    message: EmailMessage
    sender: Address
    recipient: Address
    kept: AsSent


def send_due(open_work: WorkFactory) -> bool:
    """Send one batch; true while there may be more and the mail server is listening."""
    with open_work() as work:
        claimed = _claim(work)
    with smtp.mail_server(settings()) as server:
        for position, one in enumerate(claimed):
            with _correlated(one.mail):
                listening = _send(open_work, server, one)
            if not listening:
                _release(open_work, claimed[position + 1 :])
                return False
    return len(claimed) == BATCH


def erase_expired_secrets(work: Work) -> bool:
    """Forget secrets that nobody can use any more, sent or not; true while there may be more of them."""
    expired = (
        select(Mail.id)
        .where(Mail.sealed_secret.is_not(None), Mail.secret_expires_at <= work.now())
        .limit(ERASE_BATCH)
        .with_for_update(skip_locked=True)
    )
    erased = work.session.scalars(
        update(Mail).where(Mail.id.in_(expired)).values(sealed_secret=None).returning(Mail.id)
    ).all()
    return len(erased) == ERASE_BATCH


@contextmanager
def _correlated(mail: Mail) -> Iterator[None]:
    """What is logged meanwhile belongs to the deed that caused the mail."""
    token = correlation_id.set(mail.correlation_id)
    try:
        yield
    finally:
        correlation_id.reset(token)


def _claim(work: Work) -> list[Claimed]:
    # the join: a mail whose reader is not known yet waits in the queue until the account arrives
    rows = work.session.execute(
        select(Mail, Account)
        .join(Account, Account.account_id == Mail.account_id)
        .where(Mail.state == QUEUED, Mail.next_attempt_at <= work.now())
        .order_by(Mail.next_attempt_at, Mail.id)
        .limit(BATCH)
        .with_for_update(of=Mail, skip_locked=True)
    ).all()
    for mail, _account in rows:
        mail.claim(work.now(), LEASE)
    return [Claimed(mail=mail, account=account, at=work.now()) for mail, account in rows]


def _send(open_work: WorkFactory, server: smtp.MailServer, claimed: Claimed) -> bool:
    """One attempt; false where the mail server is not to be talked to."""
    try:
        letter = _compose(claimed)
        server.send(letter.message, letter.sender.addr_spec, letter.recipient.addr_spec)
        reach("job.after_talk")
    except (Unsendable, smtp.Refused) as error:
        _record(open_work, claimed, "given_up", partial(Mail.give_up, error=error.reason))
    except (NotYet, smtp.PutOff, smtp.Unreachable) as error:
        _record(open_work, claimed, "put_off", partial(Mail.try_later, error=error.reason))
        return not isinstance(error, smtp.Unreachable)
    else:
        _record(open_work, claimed, "sent", partial(Mail.mark_sent, kept=letter.kept))
    return True


def _compose(claimed: Claimed) -> Letter:
    mail, account = claimed.mail, claimed.account
    if account.closed:
        raise Unsendable("the account is closed")
    reader = reader_of(account)
    try:
        recipient = letters.address(f"{account.given_name} {account.family_name}", account.email)
        sender = letters.sender_address(
            settings().mail_from, local(operator().name, reader.language), operator().support.email
        )
        message = letters.compose(
            mail_id=mail.id,
            sender=sender,
            recipient=recipient,
            worded=word_mail(mail, reader, secret=_open_secret(claimed)),
            language=reader.language,
            attachments=mail.documents,
            documents=document_store(),
            at=claimed.at,
        )
        blotted = word_mail(mail, reader)
    except letters.BadAddress:
        raise Unsendable("the address is not one that mail can be sent to") from None
    except letters.AttachmentMissing:
        raise NotYet("an attachment is not in the document store") from None
    except TemplateError as error:
        log.exception("mail cannot be worded", mail_id=str(mail.id), template=mail.template)
        raise NotYet(f"the mail cannot be worded: {error}") from None
    kept = AsSent(recipient=account.email, language=reader.language, subject=blotted.subject, text=blotted.text)
    return Letter(message=message, sender=sender, recipient=recipient, kept=kept)


def _open_secret(claimed: Claimed) -> str:
    mail = claimed.mail
    if not mail.needs_secret:
        return BLOT
    if mail.sealed_secret is None or (mail.secret_expires_at and mail.secret_expires_at <= claimed.at):
        raise Unsendable("the password it would tell is no longer valid")
    try:
        return unseal(mail.sealed_secret, settings().private_key)
    except ValueError as error:
        raise NotYet(f"the secret cannot be opened: {error}") from None


def _record(open_work: WorkFactory, claimed: Claimed, outcome: str, change: Callable[[Mail, datetime], None]) -> None:
    mail_id = claimed.mail.id
    with open_work(correlation_id=claimed.mail.correlation_id) as work:
        mail = work.session.get_one(Mail, mail_id, with_for_update=True)
        change(mail, work.now())
    outcomes.labels(outcome).inc()
    log.info("mail tried", outcome=outcome, mail_id=str(mail_id), template=mail.template, attempt=mail.attempts)


def _release(open_work: WorkFactory, untried: Sequence[Claimed]) -> None:
    with open_work() as work:
        for claimed in untried:
            work.session.get_one(Mail, claimed.mail.id, with_for_update=True).release(work.now())
