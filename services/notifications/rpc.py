"""What callers may ask of notifications."""

from libs.contracts.notifications import GetMail, ListMails, Mails, MailView, ResendMail
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work
from services.notifications import queries
from services.notifications.handlers import register


class NotificationsRpc(ServiceRpc):
    """The register of every mail."""

    name = "notifications"

    @query
    def list_mails(self, work: Work, request: ListMails) -> Mails:
        return queries.list_mails(work, request)

    @query
    def get_mail(self, work: Work, request: GetMail) -> MailView:
        return queries.get_mail(work, request)

    @command
    def resend_mail(self, work: Work, request: ResendMail) -> MailView:
        return register.resend_mail(work, request)
