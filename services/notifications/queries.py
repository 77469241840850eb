"""The register of every mail, for staff."""

from uuid import UUID

from sqlalchemy import func, or_, select

from libs.contracts.errors import Invalid, NotFound
from libs.contracts.notifications import GetMail, ListMails, Mails, MailView
from libs.messaging.work import Work
from services.notifications.model import Mail
from services.notifications.model.mail import GIVEN_UP, QUEUED, SENT
from services.notifications.projections import Account
from services.notifications.views import view_of

READERS = ("clerk", "finance", "admin")


def list_mails(work: Work, query: ListMails) -> Mails:
    """A page of the register, newest first, with the count of each state over all mails."""
    work.caller.require(*READERS)
    found = select(Mail, Account).outerjoin(Account, Account.account_id == Mail.account_id)
    if query.state:
        found = found.where(Mail.state == query.state)
    if query.account_id:
        found = found.where(Mail.account_id == query.account_id)
    if words := query.search.strip():
        columns = (Mail.recipient, Mail.subject, Mail.template, Account.email, Account.login)
        names = Account.given_name + " " + Account.family_name
        found = found.where(or_(*(column.icontains(words, autoescape=True) for column in (*columns, names))))
    if query.page_token:
        found = found.where(Mail.id < _position(query.page_token))
    rows = work.session.execute(found.order_by(Mail.id.desc()).limit(query.page_size + 1)).all()
    items = [view_of(mail, account) for mail, account in rows[: query.page_size]]
    counts = _counts(work)
    return Mails(
        items=items,
        queued=counts.get(QUEUED, 0),
        sent=counts.get(SENT, 0),
        given_up=counts.get(GIVEN_UP, 0),
        next_page_token=str(items[-1].id) if len(rows) > query.page_size else None,
    )


def get_mail(work: Work, query: GetMail) -> MailView:
    """One mail with its text; where it held a secret, a blot stands."""
    work.caller.require(*READERS)
    mail = work.session.get(Mail, query.mail_id)
    if mail is None:
        raise NotFound
    return view_of(mail, work.session.get(Account, mail.account_id), with_text=True)


def _counts(work: Work) -> dict[str, int]:
    rows = work.session.execute(select(Mail.state, func.count()).group_by(Mail.state))
    return dict(rows.all())


def _position(page_token: str) -> UUID:
    try:
        return UUID(page_token)
    except ValueError:
        raise Invalid.field("page_token", "not_valid") from None
