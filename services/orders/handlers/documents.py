"""Proformas and invoices: decided in one transaction, set outside any, told in another."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import or_, select

from libs.chassis.logging import correlated, get_logger
from libs.contracts.base import dump
from libs.contracts.orders import InvoiceIssued, OrderPaid, ProformaIssued
from libs.messaging.work import Work, WorkFactory
from services.orders.adapters.documents import DocumentPress
from services.orders.adapters.papers import freeze_invoice, invoice_of, proforma_of
from services.orders.model import BankTransaction, DocumentSeries, Invoice, Order
from services.orders.model.payment import payment_of
from services.orders.model.series import INVOICES
from services.orders.projections import Organisation
from services.orders.settings import operator, settings, store
from services.orders.views import document_view

LEASE = timedelta(seconds=20)
"""How long a paper is left to the worker that sets it, a matter of a tenth of a second; set twice it is the same."""


@cache
def press() -> DocumentPress:
    """The one press of this process."""
    return DocumentPress()


def issue_invoice(work: Work, event: OrderPaid) -> None:
    """Give a paid order its invoice: number and content are settled here, once; the PDF follows."""
    order = work.session.get_one(Order, event.order_id)
    if not order.gross or work.session.scalar(select(Invoice.id).where(Invoice.order_id == order.id)):
        return
    buyer = work.session.get_one(Organisation, order.organisation_id)
    today = work.now().astimezone(settings().time_zone).date()
    booked = select(BankTransaction.booked_on).where(BankTransaction.order_id == order.id)
    paid_on = work.session.scalar(booked.order_by(BankTransaction.booked_on.desc()).limit(1)) or today
    content = freeze_invoice(order, buyer, operator(), issued_on=today, paid_on=paid_on)
    # The lock comes last: every other invoice waits for it until this transaction ends.
    series = work.session.get_one(DocumentSeries, INVOICES, with_for_update=True)
    work.session.add(
        Invoice(
            number=series.take(),
            order_id=order.id,
            issued_on=today,
            issued_at=work.now(),
            content=content,
            correlation_id=work.correlation_id,
        )
    )
    work.wake("issue invoices")


def issue_proformas(open_work: WorkFactory) -> bool:
    """Set and tell one proforma; more may be waiting."""
    with open_work() as work:
        claimed = _claim_order(work)
        if claimed is None:
            return False
        order, buyer = claimed
        number, document = order.number, proforma_of(order, buyer, operator(), settings().time_zone)
    with correlated(order.correlation_id):
        stored = _store("proformas", number, press().proforma, document)
    with open_work(correlation_id=order.correlation_id) as work:
        order = work.session.get_one(Order, order.id, with_for_update=True)
        if order.proforma is None:
            order.proforma_wanted, order.proforma = False, stored
            if order.takes_payment:
                _tell_proforma(order)
    return True


def issue_invoices(open_work: WorkFactory) -> bool:
    """Set and tell one invoice; more may be waiting."""
    with open_work() as work:
        invoice = _claim_invoice(work)
        if invoice is None:
            return False
        invoice_id, number, document = invoice.id, invoice.number, invoice_of(invoice.number, invoice.content)
    with correlated(invoice.correlation_id):
        stored = _store("invoices", number, press().invoice, document)
    with open_work(correlation_id=invoice.correlation_id) as work:
        _tell_invoice(work, invoice_id, stored)
    return True


def _claim_order(work: Work) -> tuple[Order, Organisation] | None:
    """An order whose proforma nobody sets, and whose buyer is known."""
    row = work.session.execute(
        select(Order, Organisation)
        .join(Organisation, Organisation.organisation_id == Order.organisation_id)
        .where(
            Order.proforma_wanted,
            or_(Order.proforma_lease_until.is_(None), Order.proforma_lease_until <= work.now()),
        )
        .order_by(Order.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Order)
    ).first()
    if row is None:
        return None
    row.Order.proforma_lease_until = work.now() + LEASE
    return row.Order, row.Organisation


def _claim_invoice(work: Work) -> Invoice | None:
    invoice = work.session.scalar(
        select(Invoice)
        .where(
            Invoice.document.is_(None),
            or_(Invoice.lease_until.is_(None), Invoice.lease_until <= work.now()),
        )
        .order_by(Invoice.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if invoice is not None:
        invoice.lease_until = work.now() + LEASE
    return invoice


def _store(folder: str, number: str, set_pdf: Callable[..., bytes], document: object) -> dict[str, object]:
    content = set_pdf(document)
    # Of the content, so that a second setting by another release is another file, never a changed one.
    digest = hashlib.sha256(content).hexdigest()[:12]
    stored = store().put(f"orders/{folder}/{number}-{digest}.pdf", content)
    get_logger().info("document set", folder=folder, number=number)
    return dump(stored.view(f"{folder.removesuffix('s')}-{number}.pdf"))


def _tell_proforma(order: Order) -> None:
    order.record(
        ProformaIssued(
            order_id=order.id,
            number=order.number,
            organisation_id=order.organisation_id,
            placed_by=order.placed_by,
            payment=payment_of(order, operator().supplier),
            document=document_view(order.proforma or {}),
        )
    )


def _tell_invoice(work: Work, invoice_id: UUID, stored: dict[str, object]) -> None:
    invoice = work.session.get_one(Invoice, invoice_id, with_for_update=True)
    if invoice.document is not None:
        return
    invoice.document = stored
    order = work.session.get_one(Order, invoice.order_id, with_for_update=True)
    order.record(
        InvoiceIssued(
            order_id=order.id,
            number=order.number,
            organisation_id=order.organisation_id,
            placed_by=order.placed_by,
            invoice_number=invoice.number,
            total=order.money(order.gross),
            document=document_view(stored),
        )
    )
