"""Turns orders into the data of their documents; an invoice's data are frozen as JSON when its number is taken."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from libs.chassis.operator import Operator
from libs.contracts.base import LocalText
from services.orders.adapters.documents import InvoiceDocument, Line, Party, PaymentRequest, ProformaDocument, VatGroup
from services.orders.model import Order
from services.orders.model.payment import payment_of
from services.orders.projections import Organisation


def proforma_of(order: Order, buyer: Organisation, operator: Operator, zone: ZoneInfo) -> ProformaDocument:
    """The proforma of an order as it was placed."""
    payment = payment_of(order, operator.supplier)
    return ProformaDocument(
        number=order.number,
        issued_on=order.placed_at.astimezone(zone).date(),
        payment=PaymentRequest(
            payee=payment.payee,
            iban=payment.iban,
            bic=payment.bic,
            bank=_in(operator.supplier.bank, order.language),
            reference=payment.reference,
            amount=payment.amount.amount,
            due_on=payment.due_on,
            epc=payment.epc,
        ),
        **_common(order, buyer, operator),
    )


def freeze_invoice(
    order: Order, buyer: Organisation, operator: Operator, *, issued_on: date, paid_on: date
) -> dict[str, Any]:
    """Everything an invoice says but its number, as JSON."""
    document = InvoiceDocument(
        number="",
        issued_on=issued_on,
        paid_on=paid_on,
        reference=order.reference,
        paid=order.gross,
        signatory=_in(operator.supplier.invoice_signatory, order.language),
        **_common(order, buyer, operator),
    )
    content: dict[str, Any] = _plain(dataclasses.asdict(document))
    return content


def invoice_of(number: str, content: Mapping[str, Any]) -> InvoiceDocument:
    """The invoice of a number from its frozen content."""
    known = dict(content) | {
        "number": number,
        "issued_on": date.fromisoformat(content["issued_on"]),
        "paid_on": date.fromisoformat(content["paid_on"]),
        "supplier": Party(**content["supplier"]),
        "buyer": Party(**content["buyer"]),
        "lines": tuple(Line(**_decimals(line, ("unit_price", "rate", "net"))) for line in content["lines"]),
        "vat": tuple(VatGroup(**_decimals(group, ("rate", "base", "vat"))) for group in content["vat"]),
    }
    return InvoiceDocument(**_decimals(known, ("net", "vat_total", "gross", "paid")))


def _common(order: Order, buyer: Organisation, operator: Operator) -> dict[str, Any]:
    supplier, language = operator.supplier, order.language
    totals = order.totals
    return {
        "language": language,
        "operator": _in(operator.name, language),
        "order_number": order.number,
        "supplier": Party(
            name=_in(supplier.name, language),
            number=supplier.number,
            vat_number=supplier.vat_number,
            address=_in(supplier.address, language),
        ),
        "buyer": Party(name=buyer.name, number=buyer.number, vat_number=buyer.vat_number, address=buyer.address),
        "lines": tuple(
            Line(
                name=_in(line.name, language),
                sku=line.sku,
                quantity=line.quantity,
                unit_price=line.unit_price,
                rate=_shown_rate(line.vat_rate, line.vat_ground),
                net=line.net,
            )
            for line in order.lines
        ),
        "vat": tuple(
            VatGroup(rate=_shown_rate(group.rate, group.ground), ground=group.ground, base=group.base, vat=group.vat)
            for group in totals.groups
        ),
        "net": totals.net,
        "vat_total": totals.vat,
        "gross": totals.gross,
        "currency": order.currency,
        "support_email": operator.support.email,
        "support_phone": operator.support.phone,
    }


def _shown_rate(rate: Decimal, ground: str | None) -> Decimal | None:
    """No rate where no VAT is charged on a ground; nought percent is a rate like any other."""
    return None if ground else rate


def _in(text: LocalText, language: str) -> str:
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _decimals(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: Decimal(value) if name in names and value is not None else value for name, value in values.items()}
