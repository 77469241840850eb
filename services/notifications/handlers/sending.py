"""Sends what is due: claims in one transaction, talks to the mail server in none, records in another.

A mail is sent once, but for one window that no sender can close: the process dies, or the line breaks, after the mail
server has taken the mail over and before our note of it is committed. Then it goes out again under the same Message-ID.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache, partial
from time import monotonic, sleep

from jinja2 import TemplateError
from sqlalchemy import select, update

from libs.chassis.crypto import unseal
from libs.chassis.logging import correlation_id, get_logger
from libs.chassis.metrics import Counter
from libs.messaging import faults
from libs.messaging.backoff import Backoff
from libs.messaging.fail_points import reach
from libs.messaging.work import Work, WorkFactory
from services.notifications.adapters import letters, smtp
from services.notifications.adapters.templates import BLOT
from services.notifications.adapters.wording import local
from services.notifications.handlers.holding import Hold
from services.notifications.handlers.line import Line
from services.notifications.model.mail import QUEUED, AsSent, Mail
from services.notifications.projections import Account
from services.notifications.settings import document_store, operator, settings
from services.notifications.views import reader_of, word_mail

BATCH = 20
LEASE = timedelta(seconds=60)
RENEW_SECONDS = 15.0
NOTE_SECONDS = 600.0
"""How long we try to write down that a mail was sent, while the database is away."""

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


@cache
def line() -> Line:
    """What this process knows of the mail server."""
    return Line(settings().smtp_rest_first, settings().smtp_rest_most)


def send_due(open_work: WorkFactory) -> bool:
    """Send one batch; true while there may be more and the mail server is listening."""
    with smtp.mail_server(settings()) as server, Hold(open_work, LEASE, RENEW_SECONDS) as hold:
        for _ in range(BATCH):
            claimed = _claim(open_work)
            if claimed is None:
                return False
            with _correlated(claimed.mail):
                listening = _send(open_work, server, hold, claimed)
            if not listening:
                return False
    return True


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


def _claim(open_work: WorkFactory) -> Claimed | None:
    """The next mail for this process alone; one at a time, so that a death costs one mail its lease and no more."""
    with open_work() as work:
        if not line().is_worth_a_try(work.now()):
            return None
        # the join: a mail whose reader is not known yet waits in the queue until the account arrives
        row = work.session.execute(
            select(Mail, Account)
            .join(Account, Account.account_id == Mail.account_id)
            .where(Mail.state == QUEUED, Mail.next_attempt_at <= work.now())
            .order_by(Mail.next_attempt_at, Mail.id)
            .limit(1)
            .with_for_update(of=Mail, skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        mail, account = row
        mail.claim(work.now(), LEASE)
        return Claimed(mail=mail, account=account, at=work.now())


def _send(open_work: WorkFactory, server: smtp.MailServer, hold: Hold, claimed: Claimed) -> bool:
    """One attempt; false where the mail server is not to be talked to."""
    try:
        letter = _compose(claimed)
        with hold.on(claimed.mail.id):
            server.send(letter.message, letter.sender.addr_spec, letter.recipient.addr_spec)
        reach("job.after_talk")
    except (Unsendable, smtp.Refused) as error:
        _record(open_work, claimed, "given_up", partial(Mail.give_up, error=error.reason))
    except smtp.Away as error:
        until = line().was_away(claimed.at)
        _record(open_work, claimed, "waits_for_server", partial(Mail.wait, until=until, error=error.reason))
        return False
    except (NotYet, smtp.PutOff, smtp.Unreachable) as error:
        _record(open_work, claimed, "put_off", partial(Mail.try_later, error=error.reason))
        if isinstance(error, smtp.Unreachable):
            line().was_away(claimed.at)
            return False
    else:
        line().answered()
        _record(open_work, claimed, "sent", partial(Mail.mark_sent, kept=letter.kept), patience=NOTE_SECONDS)
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


def _record(
    open_work: WorkFactory,
    claimed: Claimed,
    outcome: str,
    change: Callable[[Mail, datetime], None],
    *,
    patience: float = 0.0,
) -> None:
    """Write the outcome down; with `patience` (seconds) also through an outage of the database.

    Only what was sent deserves that: a mail whose other outcome is not written down is merely tried again.
    """
    mail_id, deadline, pauses = claimed.mail.id, monotonic() + patience, Backoff(0.1, 1.0)
    while True:
        try:
            with open_work(correlation_id=claimed.mail.correlation_id) as work:
                mail = work.session.get_one(Mail, mail_id, with_for_update=True)
                change(mail, work.now())
            break
        except Exception as error:
            for_now = faults.is_outage(error) or faults.is_overload(error)
            if not for_now or monotonic() > deadline:
                raise
            sleep(pauses.next())
    outcomes.labels(outcome).inc()
    log.info("mail tried", outcome=outcome, mail_id=str(mail_id), template=mail.template, attempt=mail.attempts)
