"""What staff do with the register."""

from libs.contracts.errors import NotFound
from libs.contracts.notifications import MailView, ResendMail
from libs.messaging.work import Work
from services.notifications.model import Mail
from services.notifications.projections import SEND_MAILS, Account
from services.notifications.queries import READERS
from services.notifications.views import view_of


def resend_mail(work: Work, command: ResendMail) -> MailView:
    """Put a mail that was given up into the queue again, to the person's present address."""
    work.caller.require(*READERS)
    mail = work.session.get(Mail, command.mail_id, with_for_update=True)
    if mail is None:
        raise NotFound
    mail.resend(work.now())
    work.wake(SEND_MAILS)
    return view_of(mail, work.session.get(Account, mail.account_id))
