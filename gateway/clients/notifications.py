"""What the portal asks of ``notifications``: the register of mails."""

from uuid import UUID

from gateway.clients.base import Remote, client
from libs.contracts import notifications as contract


class NotificationsClient(Remote):
    """The remote side of ``notifications``; each method is one deed or question there."""

    service = "notifications"

    def list_mails(self, request: contract.ListMails) -> contract.Mails:
        """A page of the register."""
        return self._ask("list_mails", request, contract.Mails)

    def get_mail(self, mail_id: UUID) -> contract.MailView:
        """One mail with its text."""
        return self._ask("get_mail", contract.GetMail(mail_id=mail_id), contract.MailView)

    def resend_mail(self, mail_id: UUID) -> contract.MailView:
        """Put a mail that was given up into the queue again."""
        return self._tell("resend_mail", contract.ResendMail(mail_id=mail_id), contract.MailView)


notifications = client(NotificationsClient)
