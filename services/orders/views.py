"""How this service's objects are told to callers."""

from libs.chassis.operator import Operator
from libs.contracts.base import DocumentView, Money, load
from libs.contracts.orders import (
    BankStatementView,
    BankTransactionView,
    OrderLineView,
    OrderView,
    ProductView,
    VatView,
)
from services.orders.model import BankStatement, BankTransaction, Order, OrderLine, Product
from services.orders.model.payment import payment_of


def product_view(product: Product) -> ProductView:
    """A product of the catalogue."""
    return ProductView(
        id=product.id,
        sku=product.sku,
        name=product.name,
        description=product.description,
        kind=product.kind,
        price=Money(amount=product.price, currency=product.currency),
        vat_category=product.vat_category,
        vat_rate=product.vat_rate,
        vat_ground=product.vat_ground,
        validity_months=product.validity_months,
        choose_modules=product.choose_modules,
        minutes_required=product.minutes_required,
        hours_rule=product.hours_rule,
        modules=product.module_views,
    )


def order_view(
    order: Order, operator: Operator, organisation_name: str, invoice: "tuple[str, bool] | None"
) -> OrderView:
    """An order; `invoice` is its number and whether its PDF is ready."""
    return OrderView(
        id=order.id,
        number=order.number,
        organisation_id=order.organisation_id,
        organisation_name=organisation_name,
        placed_by=order.placed_by,
        state=order.state,
        lines=[_line_view(order, line) for line in order.lines],
        net=order.money(order.net),
        vat=order.money(order.vat),
        gross=order.money(order.gross),
        vat_breakdown=[
            VatView(
                category=group.category,
                rate=group.rate,
                ground=group.ground,
                base=order.money(group.base),
                vat=order.money(group.vat),
            )
            for group in order.totals.groups
        ],
        paid=order.money(order.paid),
        credit=order.money(order.credit),
        placed_at=order.placed_at,
        due_on=order.due_on,
        settled_at=order.settled_at,
        payment=payment_of(order, operator.supplier) if order.takes_payment else None,
        invoice_number=invoice[0] if invoice else None,
        has_proforma=order.proforma is not None,
        has_invoice=bool(invoice and invoice[1]),
        decline_reason=order.decline_reason,
        can_cancel=order.can_cancel,
    )


def _line_view(order: Order, line: OrderLine) -> OrderLineView:
    return OrderLineView(
        id=line.id,
        sku=line.sku,
        name=line.name,
        kind=line.kind,
        quantity=line.quantity,
        unit_price=order.money(line.unit_price),
        net=order.money(line.net),
        vat_category=line.vat_category,
        vat_rate=line.vat_rate,
        vat_ground=line.vat_ground,
    )


def statement_view(statement: BankStatement) -> BankStatementView:
    """How far an import is."""
    return BankStatementView(
        id=statement.id,
        filename=statement.filename,
        state=statement.state,
        uploaded_at=statement.uploaded_at,
        uploaded_by=statement.uploaded_by,
        entries=statement.entries,
        matched=statement.matched,
        unmatched=statement.unmatched,
        duplicates=statement.duplicates,
        outgoing=statement.outgoing,
        progress=statement.progress,
        reason=statement.reason,
        reason_params=statement.reason_params,
        finished_at=statement.finished_at,
    )


def transaction_view(transaction: BankTransaction, order_number: str | None) -> BankTransactionView:
    """An incoming transfer."""
    return BankTransactionView(
        id=transaction.id,
        statement_id=transaction.statement_id,
        booked_on=transaction.booked_on,
        amount=Money(amount=transaction.amount, currency=transaction.currency),
        payer_name=transaction.payer_name,
        payer_iban=transaction.payer_iban,
        text=transaction.text,
        state=transaction.state,
        why=transaction.why,
        order_id=transaction.order_id,
        order_number=order_number,
        matched_by=transaction.matched_by,
        note=transaction.note,
        suggestions=transaction.suggestions,
    )


def document_view(document: dict[str, object]) -> DocumentView:
    """A document of this service in the store."""
    return load(DocumentView, document)
