"""Proformas and invoices as PDF/A-3b, set by typst; the same data give the same bytes."""

from __future__ import annotations

import dataclasses
import json
import threading
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import segno
import typst
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from libs.chassis import references

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
FONTS = Path(__file__).resolve().parents[3] / "libs" / "chassis" / "fonts"
LANGUAGES = ("bg", "en")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Party:
    """Supplier or recipient as the law wants them named."""

    name: str
    number: str
    vat_number: str
    address: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the document; `rate` in percent, nothing where no VAT is charged."""

    name: str
    sku: str
    quantity: int
    unit_price: Decimal
    rate: Decimal | None
    net: Decimal


@dataclasses.dataclass(frozen=True, kw_only=True)
class VatGroup:
    """Base and VAT of one category, with the legal ground where none is charged."""

    rate: Decimal | None
    ground: str | None
    base: Decimal
    vat: Decimal


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaymentRequest:
    """How to pay; `epc` is the payload of the QR code."""

    payee: str
    iban: str
    bic: str
    bank: str
    reference: str
    amount: Decimal
    due_on: date
    epc: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommercialDocument:
    """What proforma and invoice have in common."""

    language: str
    operator: str
    number: str
    order_number: str
    issued_on: date
    supplier: Party
    buyer: Party
    lines: tuple[Line, ...]
    vat: tuple[VatGroup, ...]
    net: Decimal
    vat_total: Decimal
    gross: Decimal
    currency: str
    support_email: str
    support_phone: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProformaDocument(CommercialDocument):
    """Asks for payment; no tax document."""

    payment: PaymentRequest


@dataclasses.dataclass(frozen=True, kw_only=True)
class InvoiceDocument(CommercialDocument):
    """The tax document; the day of the payment is the day of the tax event."""

    paid_on: date
    reference: str
    paid: Decimal
    signatory: str


class DocumentPress:
    """Sets documents with one reused compiler; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compiler = typst.Compiler(
            input=str(TEMPLATES / "document.typ"),
            root=str(TEMPLATES),
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
        )

    def proforma(self, document: ProformaDocument) -> bytes:
        """Set a proforma with everything a payer must know."""
        words = _Words(document.language, document.currency)
        payment = document.payment
        facts = [
            ("issued", words.day(document.issued_on)),
            ("order", document.order_number),
            ("valid_until", words.day(payment.due_on)),
        ]
        return self._set(
            document,
            words,
            kind="proforma",
            facts=facts,
            payment={
                "payee": payment.payee,
                "iban": references.group(payment.iban),
                "bic": payment.bic,
                "bank": payment.bank,
                "amount": words.money(payment.amount),
                "reference": references.group(payment.reference),
                "due": words.day(payment.due_on),
                "qr": _qr_svg(payment.epc),
            },
        )

    def invoice(self, document: InvoiceDocument) -> bytes:
        """Set an invoice with all that чл. 114 ЗДДС asks for."""
        words = _Words(document.language, document.currency)
        facts = [
            ("issued", words.day(document.issued_on)),
            ("tax_event", words.day(document.paid_on)),
            ("order", document.order_number),
        ]
        return self._set(
            document,
            words,
            kind="invoice",
            facts=facts,
            paid=words.money(document.paid),
            due=words.money(document.gross - document.paid),
            signatory=document.signatory,
            settled={"on": words.day(document.paid_on), "reference": references.group(document.reference)},
        )

    def _set(
        self, document: CommercialDocument, words: _Words, *, kind: str, facts: list[tuple[str, str]], **particular: Any
    ) -> bytes:
        data = {
            "kind": kind,
            "language": words.language,
            "operator": document.operator,
            "number": document.number,
            "issued": {
                "year": document.issued_on.year,
                "month": document.issued_on.month,
                "day": document.issued_on.day,
            },
            "facts": [{"label": label, "value": value} for label, value in facts],
            "supplier": dataclasses.asdict(document.supplier),
            "buyer": dataclasses.asdict(document.buyer),
            "lines": [words.line(line) for line in document.lines],
            "vat": [words.vat(group) for group in document.vat],
            "net": words.money(document.net),
            "vat_total": words.money(document.vat_total),
            "gross": words.money(document.gross),
            "support": {"email": document.support_email, "phone": document.support_phone},
            "payment": None,
            "settled": None,
            **particular,
        }
        with self._lock:
            pdf = self._compiler.compile(
                format="pdf",
                sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
                pdf_standards="a-3b",
                timestamp=_midnight(document.issued_on),
            )
        if not isinstance(pdf, bytes):
            raise TypeError("typst gave several files for one document")
        return pdf


class _Words:
    """Numbers and days as people of the language write them."""

    def __init__(self, language: str, currency: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._currency = currency
        self._locale = {"bg": "bg_BG", "en": "en_IE"}[self.language]

    def money(self, amount: Decimal) -> str:
        return f"{self.number(amount)} {'€' if self._currency == 'EUR' else self._currency}"

    def number(self, amount: Decimal) -> str:
        # Bulgarian practice groups thousands from four digits on, CLDR only from five.
        number = format_decimal(amount, format="#,##0.00", locale="en_IE")
        return number.replace(",", "\u202f").replace(".", ",") if self.language == "bg" else number

    def day(self, day: date) -> str:
        if self.language == "bg":
            return f"{day:%d.%m.%Y} г."
        return format_date(day, format="d MMMM yyyy", locale=self._locale)

    def rate(self, rate: Decimal | None) -> str | None:
        return None if rate is None else format_percent(rate / 100, format="0.##%", locale=self._locale)

    def line(self, line: Line) -> dict[str, Any]:
        return {
            "name": line.name,
            "sku": line.sku,
            "quantity": str(line.quantity),
            "price": self.number(line.unit_price),
            "rate": self.rate(line.rate),
            "net": self.number(line.net),
        }

    def vat(self, group: VatGroup) -> dict[str, Any]:
        return {
            "rate": self.rate(group.rate),
            "ground": group.ground,
            "base": self.number(group.base),
            "vat": self.number(group.vat),
        }


def _qr_svg(payload: str) -> str:
    # EPC069-12 fixes error correction M and allows versions up to 13.
    # Readers take any of the eight masks; trying all of them out takes longer than setting the page.
    code = segno.make(payload.encode(), error="m", boost_error=False, micro=False, encoding="utf-8", mask=3)
    out = BytesIO()
    code.save(out, kind="svg", border=0, dark="#14213d", xmldecl=False, svgns=True)
    return out.getvalue().decode()


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400
