"""What notifications hears, and what time does to it."""

from datetime import timedelta

from libs.contracts.certificates import CertificateIssued, CertificateRevoked
from libs.contracts.identity import (
    AccountChanged,
    AccountClosed,
    AccountIssued,
    PasswordChanged,
    PasswordReissued,
    SignInReported,
)
from libs.contracts.licensing import AssignmentWithdrawn, SeatAssigned
from libs.contracts.orders import (
    InvoiceIssued,
    OrderApproved,
    OrderCancelled,
    OrderDeclined,
    OrderExpired,
    PaymentReceived,
    ProformaIssued,
)
from libs.messaging.worker import Job, Subscriptions
from services.notifications import projections
from services.notifications.handlers import mails, sending

SUBSCRIPTIONS: Subscriptions = {
    AccountIssued: [projections.remember_account, mails.account_issued],
    AccountChanged: [projections.remember_account],
    AccountClosed: [projections.close_account],
    PasswordReissued: [mails.password_reissued],
    PasswordChanged: [mails.password_changed],
    SignInReported: [mails.sign_in_reported],
    ProformaIssued: [mails.proforma_issued],
    PaymentReceived: [mails.payment_received],
    InvoiceIssued: [mails.invoice_issued],
    OrderApproved: [mails.order_approved],
    OrderDeclined: [mails.order_declined],
    OrderCancelled: [mails.order_cancelled],
    OrderExpired: [mails.order_expired],
    SeatAssigned: [mails.seat_assigned],
    AssignmentWithdrawn: [mails.assignment_withdrawn],
    CertificateIssued: [mails.certificate_issued],
    CertificateRevoked: [mails.certificate_revoked],
}

JOBS = [
    Job(projections.SEND_MAILS, every=timedelta(seconds=10), run=sending.send_due, transactional=False),
    Job("erase expired secrets", every=timedelta(minutes=10), run=sending.erase_expired_secrets),
]
