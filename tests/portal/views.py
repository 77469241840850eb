"""What services answer, made in one line, and a stand-in for any client."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from libs.contracts.base import DocumentView, LocalText, Money
from libs.contracts.certificates import (
    ArchiveView,
    CertificateView,
    EnrolledModule,
    EnrolmentView,
    ModuleContent,
    QuestionView,
    ResultView,
)
from libs.contracts.identity import OrganisationView, PersonView
from libs.contracts.licensing import AssignmentView, ChosenModule, LicenceView
from libs.contracts.notifications import MailView
from libs.contracts.orders import (
    BankStatementView,
    BankTransactionView,
    ModuleView,
    OrderLineView,
    OrderView,
    PaymentView,
    ProductView,
    VatView,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)


class StandIn:
    """Answers in the place of a client and remembers what it was asked.

    ``StandIn(get_order=order())`` answers with a value, calls a function, or raises an exception; a list in ``then(…)``
    is given away one by one. What nobody prepared fails the test.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.answers:
            raise AssertionError(f"nobody prepared an answer to {name}")

        def answer(*args: Any, **kwargs: Any) -> Any:
            self.asked.append((name, args, kwargs))
            found = self.answers[name]
            if isinstance(found, Exception):
                raise found
            return found(*args, **kwargs) if callable(found) else found

        return answer

    def told(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """What it was asked under this name."""
        return [(args, kwargs) for asked, args, kwargs in self.asked if asked == name]


def then(*answers: Any) -> Callable[..., Any]:
    """One answer after another; the last one stays."""
    left = list(answers)

    def give(*_: Any, **__: Any) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return give


def text(en: str, bg: str | None = None) -> LocalText:
    """A text in two languages."""
    return {"en": en, "bg": bg or f"{en} (бг)"}


def euro(amount: str) -> Money:
    """So many euros."""
    return Money(amount=Decimal(amount), currency="EUR")


def document(key: str = "orders/proformas/1.pdf", filename: str = "proforma.pdf", size: int = 4) -> DocumentView:
    """A file in the store."""
    return DocumentView(key=key, filename=filename, content_type="application/pdf", sha256="0" * 64, size=size)


def module_view(code: str, minutes: int) -> ModuleView:
    """A module of the catalogue."""
    return ModuleView(code=code, name=text(f"Module {code}"), minutes=minutes)


def product(sku: str = "power-bi", **others: Any) -> ProductView:
    """A product of the catalogue."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "sku": sku,
        "name": text(sku.title()),
        "description": text("What it is good for."),
        "kind": "seats",
        "price": euro("36.00"),
        "vat_category": "S",
        "vat_rate": Decimal(20),
        "vat_ground": None,
        "validity_months": 12,
    }
    return ProductView(**values | others)


def payment(**others: Any) -> PaymentView:
    """How to pay."""
    values: dict[str, Any] = {
        "payee": "Example Training Centre EOOD",
        "iban": "BG80BNBG96611020345678",
        "bic": "BNBGBGSD",
        "amount": euro("259.20"),
        "reference": "RF18000000147",
        "due_on": date(2026, 3, 16),
        "epc": "BCD\n002\n1\nSCT\nBNBGBGSD\nExample\nBG80BNBG96611020345678\nEUR259.20\n\nRF18000000147",
    }
    return PaymentView(**values | others)


def order(state: str = "awaiting_payment", **others: Any) -> OrderView:
    """An order of two products."""
    line = OrderLineView(
        id=uuid4(),
        sku="power-bi",
        name=text("Power BI"),
        kind="seats",
        quantity=3,
        unit_price=euro("72.00"),
        net=euro("216.00"),
        vat_category="S",
        vat_rate=Decimal(20),
        vat_ground=None,
    )
    values: dict[str, Any] = {
        "id": uuid4(),
        "number": "2026-000147",
        "organisation_id": uuid4(),
        "organisation_name": "Примерен брокер ООД",
        "placed_by": uuid4(),
        "state": state,
        "lines": [line],
        "net": euro("216.00"),
        "vat": euro("43.20"),
        "gross": euro("259.20"),
        "vat_breakdown": [
            VatView(category="S", rate=Decimal(20), ground=None, base=euro("216.00"), vat=euro("43.20")),
        ],
        "paid": euro("0.00"),
        "credit": euro("0.00"),
        "placed_at": NOW,
        "due_on": date(2026, 3, 16),
        "payment": payment() if state in ("awaiting_payment", "under_paid") else None,
        "can_cancel": state in ("awaiting_payment", "awaiting_approval"),
    }
    return OrderView(**values | others)


def person(given: str = "Анна", family: str = "Петрова", **others: Any) -> PersonView:
    """Somebody of an organisation."""
    address = others.pop("email", f"{uuid4().hex[:8]}@broker.example")
    values: dict[str, Any] = {
        "account_id": uuid4(),
        "login": address,
        "given_name": given,
        "family_name": family,
        "email": address,
        "phone": "+359880000101",
        "roles": ["member"],
        "state": "active",
        "created_at": NOW,
    }
    return PersonView(**values | others)


def licence(sku: str = "induction", granted: int = 3, assigned: int = 0, **others: Any) -> LicenceView:
    """Seats of a product."""
    values: dict[str, Any] = {
        "product_id": uuid4(),
        "sku": sku,
        "name": text("Introduction for new staff", "Въвеждащо обучение"),
        "kind": "training",
        "granted": granted,
        "assigned": assigned,
        "available": granted - assigned,
        "valid_until": date(2027, 3, 1),
    }
    return LicenceView(**values | others)


def maintenance(granted: int = 3, assigned: int = 0, **others: Any) -> LicenceView:
    """Seats of the training whose modules are chosen: 8, 4, 3 and 3 hours of exactly 15."""
    values: dict[str, Any] = {
        "name": text("Maintenance training, 15 hours", "Поддържащо обучение, 15 часа"),
        "choose_modules": True,
        "minutes_required": 900,
        "modules": [module_view("a", 480), module_view("b", 240), module_view("c", 180), module_view("d", 179)],
    }
    return licence("maintenance-15h", granted, assigned, **values | others)


def assignment(account_id: UUID, sku: str = "induction", state: str = "assigned", **others: Any) -> AssignmentView:
    """A seat that somebody holds."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "organisation_id": uuid4(),
        "account_id": account_id,
        "sku": sku,
        "product_name": text("Introduction for new staff"),
        "kind": "training",
        "state": state,
        "assigned_at": NOW,
        "valid_until": date(2027, 3, 1),
        "modules": [ChosenModule(code="a", name=text("Module a"), minutes=480)],
        "can_withdraw": state == "assigned",
    }
    return AssignmentView(**values | others)


def enrolment(state: str = "begun", modules: tuple[str, ...] = ("passed", "open"), **others: Any) -> EnrolmentView:
    """A training of one's own, its modules in these states."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "account_id": uuid4(),
        "organisation_id": uuid4(),
        "sku": "induction",
        "training": text("Introduction for new staff"),
        "state": state,
        "assigned_at": NOW,
        "valid_until": date(2027, 3, 1),
        "minutes": 360,
        "modules": [
            EnrolledModule(code=f"m{n}", name=text(f"Module {n}"), minutes=180, state=one)
            for n, one in enumerate(modules, 1)
        ],
    }
    return EnrolmentView(**values | others)


def content(**others: Any) -> ModuleContent:
    """A module with a test of two questions."""
    values: dict[str, Any] = {
        "enrolment_id": uuid4(),
        "code": "m1",
        "name": text("How insurance works"),
        "training": text("Introduction for new staff"),
        "minutes": 150,
        "html": "<h2>Risk</h2><p>Many carry what would break one.</p>",
        "questions": [
            QuestionView(id="q1", text="Who carries the risk?", choices=["The insurer", "Nobody"]),
            QuestionView(id="q2", text="What is a premium?", choices=["A prize", "A price"]),
        ],
        "pass_mark": 80,
        "state": "read",
    }
    return ModuleContent(**values | others)


def result(state: str = "passed", **others: Any) -> ResultView:
    """A row of the results."""
    values: dict[str, Any] = {
        "enrolment_id": uuid4(),
        "account_id": uuid4(),
        "person": "Анна Петрова",
        "sku": "induction",
        "training": text("Introduction for new staff"),
        "state": state,
        "assigned_at": NOW,
        "modules_passed": 3 if state == "passed" else 1,
        "modules_total": 3,
        "minutes": 360,
        "score": 92 if state == "passed" else None,
        "certificate_number": "C-2026-00042-7" if state == "passed" else None,
        "certificate_state": "valid" if state == "passed" else None,
    }
    return ResultView(**values | others)


def certificate(**others: Any) -> CertificateView:
    """A valid certificate."""
    values: dict[str, Any] = {
        "number": "C-2026-00042-7",
        "check_code": "7K4M2Q9X",
        "account_id": uuid4(),
        "organisation_id": uuid4(),
        "holder": "Анна Петрова",
        "training": text("Introduction for new staff"),
        "minutes": 360,
        "modules": [text("Module 1"), text("Module 2")],
        "issued_at": NOW,
        "state": "valid",
        "document": document("certificates/C-2026-00042-7.pdf", "C-2026-00042-7.pdf"),
    }
    return CertificateView(**values | others)


def archive(state: str = "packing", **others: Any) -> ArchiveView:
    """A file with all certificates, on its way."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "organisation_id": uuid4(),
        "state": state,
        "requested_at": NOW,
        "certificates": 12,
        "packed": 5,
        "missing": 2,
    }
    return ArchiveView(**values | others)


def statement(state: str = "done", **others: Any) -> BankStatementView:
    """An uploaded statement."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "filename": "march.xml",
        "state": state,
        "uploaded_at": NOW,
        "uploaded_by": uuid4(),
        "entries": 9,
        "matched": 6,
        "unmatched": 1,
        "duplicates": 2,
        "outgoing": 0,
        "progress": 100 if state in ("done", "failed") else 40,
    }
    return BankStatementView(**values | others)


def transaction(**others: Any) -> BankTransactionView:
    """A transfer that no order could be found for."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "statement_id": uuid4(),
        "booked_on": TODAY,
        "amount": euro("120.00"),
        "payer_name": "ЗЕНИТ АД",
        "payer_iban": "BG18RZBB91550123456789",
        "text": "za obuchenie",
        "state": "unmatched",
        "why": "no_reference",
        "suggestions": ["2026-000147"],
    }
    return BankTransactionView(**values | others)


def mail(state: str = "sent", **others: Any) -> MailView:
    """A mail of the register."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "template": "account_issued",
        "language": "bg",
        "recipient": "anna@broker.example",
        "subject": "Данни за вход",
        "state": state,
        "attempts": 1,
        "queued_at": NOW,
        "sent_at": NOW if state == "sent" else None,
        "text": "Здравейте",
    }
    return MailView(**values | others)


def organisation(**others: Any) -> OrganisationView:
    """A legal body."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "name": "Примерен брокер ООД",
        "number": "831650349",
        "vat_number": "BG831650349",
        "address": "1142 София",
        "country": "BG",
        "created_at": NOW,
    }
    return OrganisationView(**values | others)
