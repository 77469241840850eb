"""People to write to, events worth a mail, and a mail server to send them to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from libs.chassis.crypto import generate_sealing_keys, seal
from libs.chassis.documents import FolderStore
from libs.chassis.ids import new_id
from libs.contracts.base import DocumentView, Event, Money
from libs.contracts.certificates import CertificateIssued, CertificateRevoked
from libs.contracts.identity import AccountIssued, PasswordChanged, PasswordReissued, SignInReported
from libs.contracts.licensing import AssignmentWithdrawn, ChosenModule, SeatAssigned
from libs.contracts.orders import (
    InvoiceIssued,
    OrderApproved,
    OrderCancelled,
    OrderDeclined,
    OrderedLine,
    OrderExpired,
    PaymentReceived,
    PaymentView,
    ProformaIssued,
)
from services.notifications import settings
from services.notifications.handlers import sending
from services.notifications.model import Mail
from services.notifications.worker import SUBSCRIPTIONS
from tests.simulators.mail.inbox import Inbox, Letter
from tests.simulators.mail.smtp import SmtpServer
from tests.support.builders.events import deliver
from tests.support.databases import ServiceDatabase

PASSWORD = "Кула-седем-42-река"
PDF = b"%PDF-1.7 the very bytes"
TRAINING = {"bg": "Поддържащо обучение, 15 часа", "en": "Maintenance training, 15 hours"}


@cache
def sealing_keys() -> tuple[str, str]:
    """One pair of keys for all tests."""
    return generate_sealing_keys()


def sealed(secret: str = PASSWORD) -> str:
    """A secret as it travels on the bus."""
    return seal(secret, sealing_keys()[1])


def configure_notifications(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """Set the service's environment and forget what was read of an earlier one."""
    environment = {
        "OPERATOR": "academy",
        "PUBLIC_URL": "https://portal.example",
        "NOTIFICATIONS_PRIVATE_KEY": sealing_keys()[0],
        "TIME_ZONE": "Europe/Sofia",
        **values,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    for remembered in (settings.settings, settings.operator, settings.document_store, sending.line):
        remembered.cache_clear()


def an_account(account_id: UUID | None = None, **changes: Any) -> AccountIssued:
    """A person whose account was issued with a temporary password."""
    usual: dict[str, Any] = {
        "account_id": account_id or new_id(),
        "login": "elena",
        "given_name": "Елена",
        "family_name": "Димитрова",
        "email": "elena.dimitrova@broker.example",
        "phone": "+359880000001",
        "language": "bg",
        "roles": ["manager"],
        "organisation_id": new_id(),
        "sealed_password": sealed(),
        "password_expires_at": datetime.now(UTC) + timedelta(days=14),
    }
    return AccountIssued(**{**usual, **changes})


def a_document(name: str = "0000000042.pdf") -> DocumentView:
    """A PDF as another service tells of it."""
    return DocumentView(
        key=f"orders/{name}",
        filename=name,
        content_type="application/pdf",
        sha256=hashlib.sha256(PDF).hexdigest(),
        size=len(PDF),
    )


def euros(amount: str) -> Money:
    """So many euros."""
    return Money(amount=Decimal(amount))


def events_about(account_id: UUID) -> dict[str, Event]:
    """For every mail an event that causes it, with the data of a real day."""
    order: dict[str, Any] = {
        "order_id": new_id(),
        "number": "2026-000042",
        "organisation_id": new_id(),
        "placed_by": account_id,
    }
    seat: dict[str, Any] = {
        "assignment_id": new_id(),
        "organisation_id": new_id(),
        "account_id": account_id,
        "sku": "maintenance-15h",
        "kind": "training",
    }
    line = OrderedLine(
        line_id=new_id(), product_id=new_id(), sku="m365-e3", kind="seats", quantity=40, validity_months=12
    )
    return {
        "account_issued": an_account(account_id),
        "password_reissued": PasswordReissued(
            account_id=account_id,
            sealed_password=sealed(),
            password_expires_at=datetime.now(UTC) + timedelta(days=14),
        ),
        "password_changed": PasswordChanged(account_id=account_id, first=True),
        "sign_in_reported": SignInReported(sign_in_id=new_id(), account_id=account_id),
        "proforma_issued": ProformaIssued(**order, payment=a_payment(), document=a_document("proforma-42.pdf")),
        "payment_received": PaymentReceived(
            **order, amount=euros("100.00"), paid=euros("100.00"), owed=euros("1140.40"), credit=euros("0.00")
        ),
        "invoice_issued": InvoiceIssued(
            **order, invoice_number="0000000042", total=euros("1240.40"), document=a_document()
        ),
        "order_approved": OrderApproved(
            **order, lines=[line], approved_by=new_id(), approved_at=datetime(2026, 3, 5, 12, 30, tzinfo=UTC)
        ),
        "order_declined": OrderDeclined(**order, reason="Бюджетът за годината е изчерпан."),
        "order_cancelled": OrderCancelled(**order),
        "order_expired": OrderExpired(**order),
        "seat_assigned": SeatAssigned(
            **seat,
            product_id=new_id(),
            product_name=TRAINING,
            valid_until=date(2027, 3, 5),
            modules=[
                ChosenModule(code="law", name={"bg": "Право", "en": "Law"}, minutes=450),
                ChosenModule(code="claims", name={"bg": "Щети", "en": "Claims"}, minutes=450),
            ],
            assigned_by=new_id(),
        ),
        "assignment_withdrawn": AssignmentWithdrawn(**seat),
        "certificate_issued": CertificateIssued(
            certificate_id=new_id(),
            assignment_id=new_id(),
            account_id=account_id,
            organisation_id=new_id(),
            number="C-2026-000017-5",
            check_code="K7QF-2M9X-4TZP",
            training=TRAINING,
            document=a_document("certificate-17.pdf"),
        ),
        "certificate_revoked": CertificateRevoked(
            certificate_id=new_id(),
            account_id=account_id,
            organisation_id=new_id(),
            number="C-2026-000017-5",
            reason="issued_in_error",
        ),
    }


def a_payment() -> PaymentView:
    """What a payer must know."""
    return PaymentView(
        payee="Учебен център Пример ЕООД",
        iban="BG80BNBG96611020345678",
        bic="BNBGBGSD",
        amount=euros("1240.40"),
        reference="RF18539007547034",
        due_on=date(2026, 3, 19),
        epc="BCD",
    )


@dataclass(kw_only=True)
class MailRoom:
    """The notifications service of one test, with the mail server it sends to."""

    database: ServiceDatabase
    inbox: Inbox
    documents: FolderStore

    def hear(self, event: Event, *, id: UUID | None = None, sequence: int | None = 1) -> UUID:
        """The service hears of an event; its id."""
        return deliver(self.database, SUBSCRIPTIONS, event, id=id, sequence=sequence)

    def knows(self, **changes: Any) -> UUID:
        """A person the service knows and owes no mail to."""
        account = an_account(**{"sealed_password": None, **changes})
        self.hear(account)
        return account.account_id

    def send(self) -> bool:
        """Send what is due now."""
        return sending.send_due(self.database.open_work)

    def wait_and_send(self, by: timedelta) -> None:
        """Let time pass, then send what is due."""
        self.database.clock.advance(by)  # type: ignore[attr-defined]
        self.send()

    def mails(self) -> list[Mail]:
        """The register, oldest first."""
        with self.database.sessions() as session:
            return list(session.scalars(select(Mail).order_by(Mail.id)))

    def letters(self, to: str = "") -> list[Letter]:
        """What arrived, oldest first."""
        return self.inbox.letters(to)[::-1]


@contextmanager
def mail_room(
    database: ServiceDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch, **environment: Any
) -> Iterator[MailRoom]:
    """The service with a mail server of its own and a store that holds every document."""
    inbox, documents = Inbox(), FolderStore(folder)
    for name in ("proforma-42.pdf", "0000000042.pdf", "certificate-17.pdf"):
        documents.put(f"orders/{name}", PDF)
    server = SmtpServer(inbox)
    server.start()
    try:
        configure_notifications(
            monkeypatch,
            SMTP_URL=f"smtp://127.0.0.1:{server.port}",
            DOCUMENTS_URL=f"file://{folder}",
            **environment,
        )
        yield MailRoom(database=database, inbox=inbox, documents=documents)
    finally:
        server.stop()
