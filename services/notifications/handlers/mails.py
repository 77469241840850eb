"""Which event becomes which mail to whom: each is queued once for each event, person and template."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from libs.contracts.base import DocumentView, Event, dump
from libs.contracts.certificates import CertificateIssued, CertificateRevoked
from libs.contracts.identity import AccountIssued, PasswordChanged, PasswordReissued, SignInReported
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
from libs.messaging.work import Work
from services.notifications.model.mail import QUEUED, Mail
from services.notifications.projections import SEND_MAILS

# secrets are kept sealed in a column of their own; names and addresses are read when the mail is sent
NOT_KEPT = frozenset({"sealed_password", "login", "given_name", "family_name", "email", "phone"})


def account_issued(work: Work, event: AccountIssued) -> None:
    """The data for signing in, where the account was issued with a password."""
    if event.sealed_password is None:
        return
    _queue(work, event, "account_issued", event.account_id, _Secret(event.sealed_password, event.password_expires_at))


def password_reissued(work: Work, event: PasswordReissued) -> None:
    """The new temporary password."""
    secret = _Secret(event.sealed_password, event.password_expires_at)
    _queue(work, event, "password_reissued", event.account_id, secret)


def password_changed(work: Work, event: PasswordChanged) -> None:
    """A notice, so that a stranger's change does not stay unseen."""
    _queue(work, event, "password_changed", event.account_id)


def sign_in_reported(work: Work, event: SignInReported) -> None:
    """Somebody knows the password: the holder is told what to do."""
    _queue(work, event, "sign_in_reported", event.account_id)


def proforma_issued(work: Work, event: ProformaIssued) -> None:
    """Everything the payer must know, with the proforma."""
    _queue(work, event, "proforma_issued", event.placed_by, documents=[event.document])


def payment_received(work: Work, event: PaymentReceived) -> None:
    """A part payment: what came and what is still owed; the whole sum is confirmed with the invoice."""
    if event.owed.amount > 0:
        _queue(work, event, "payment_received", event.placed_by)


def invoice_issued(work: Work, event: InvoiceIssued) -> None:
    """The confirmation of the payment and the invoice, in one."""
    _queue(work, event, "invoice_issued", event.placed_by, documents=[event.document])


def order_approved(work: Work, event: OrderApproved) -> None:
    """An official approved the order."""
    _queue(work, event, "order_approved", event.placed_by)


def order_declined(work: Work, event: OrderDeclined) -> None:
    """An official declined the order, with the reason."""
    _queue(work, event, "order_declined", event.placed_by)


def order_cancelled(work: Work, event: OrderCancelled) -> None:
    """The order was taken back."""
    _queue(work, event, "order_cancelled", event.placed_by)


def order_expired(work: Work, event: OrderExpired) -> None:
    """Nothing was paid in time."""
    _queue(work, event, "order_expired", event.placed_by)


def seat_assigned(work: Work, event: SeatAssigned) -> None:
    """A training was added to the person's profile, or a licence given."""
    _queue(work, event, "seat_assigned", event.account_id)


def assignment_withdrawn(work: Work, event: AssignmentWithdrawn) -> None:
    """The training or licence was taken back."""
    _queue(work, event, "assignment_withdrawn", event.account_id)


def certificate_issued(work: Work, event: CertificateIssued) -> None:
    """The training is passed, and here is its certificate."""
    _queue(work, event, "certificate_issued", event.account_id, documents=[event.document])


def certificate_revoked(work: Work, event: CertificateRevoked) -> None:
    """The certificate is no longer valid."""
    _queue(work, event, "certificate_revoked", event.account_id)


class _Secret:
    """A secret still sealed, and when it loses its worth."""

    def __init__(self, sealed: str, expires_at: datetime | None) -> None:
        self.sealed = sealed
        self.expires_at = expires_at


def _queue(
    work: Work,
    event: Event,
    template: str,
    account_id: UUID,
    secret: _Secret | None = None,
    documents: Sequence[DocumentView] = (),
) -> None:
    if work.envelope is None:
        raise RuntimeError("a mail is queued for an event, so that it is queued once")
    context = {name: value for name, value in dump(event).items() if name not in NOT_KEPT}
    row: dict[str, Any] = {
        "event_id": work.envelope.id,
        "account_id": account_id,
        "template": template,
        "context": context | {"happened_at": work.envelope.time.isoformat()},
        "attachments": [dump(document) for document in documents],
        "sealed_secret": secret.sealed if secret else None,
        "secret_expires_at": secret.expires_at if secret else None,
        "correlation_id": work.correlation_id,
        "state": QUEUED,
        "queued_at": work.now(),
        "next_attempt_at": work.now(),
    }
    work.session.execute(insert(Mail).values(row).on_conflict_do_nothing())
    work.wake(SEND_MAILS)
