"""What ``orders`` publishes: catalogue, orders, payments, bank statements, tax documents."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.contracts.base import DocumentView, Event, LocalText, Money, between, bounded, contract, event, one_of

ORDER_STATES = (
    "awaiting_approval", "awaiting_payment", "under_paid", "paid", "approved", "declined", "cancelled", "expired",
)  # fmt: skip
PRODUCT_KINDS = ("seats", "training")

# --- catalogue --------------------------------------------------------------------------------------------------


@contract
class ModuleView:
    """A part of a training; ``minutes`` of 60 to the hour."""

    code: str
    name: LocalText
    minutes: int
    summary: LocalText = bounded(10, default={})


@contract
class ProductView:
    """A product of the catalogue.

    ``kind``: ``seats`` (counted licences) or ``training``. Where a training's modules are chosen for each person,
    ``choose_modules`` is true and ``minutes_required`` with ``hours_rule`` (``exact`` or ``at_least``) bind the choice.
    ``vat_rate`` in percent; ``vat_category`` of EN 16931 (S, Z, E, AE, O) with ``vat_ground`` where no VAT is due.
    """

    id: UUID
    sku: str
    name: LocalText
    description: LocalText
    kind: str
    price: Money
    vat_category: str
    vat_rate: Decimal
    vat_ground: str | None
    validity_months: int
    choose_modules: bool = False
    minutes_required: int = 0
    hours_rule: str = "exact"
    modules: list[ModuleView] = bounded(200, default=[])


@contract
class ListProducts:
    """Asks for the catalogue."""


@contract
class Catalogue:
    """All products on sale."""

    items: list[ProductView]


# --- orders -----------------------------------------------------------------------------------------------------


@contract
class NewOrderLine:
    """So many of one product."""

    sku: str = bounded(60, least=1)
    quantity: int = between(1, 10_000)


@contract
class PlaceOrder:
    """Orders products for an organisation; one line for each product."""

    organisation_id: UUID
    lines: list[NewOrderLine] = bounded(50, least=1)
    language: str = one_of("bg", "en", default="bg")


@contract
class OrderLineView:
    """A line with its price without VAT and the line's net sum."""

    id: UUID
    sku: str
    name: LocalText
    kind: str
    quantity: int
    unit_price: Money
    net: Money
    vat_category: str
    vat_rate: Decimal
    vat_ground: str | None


@contract
class VatView:
    """The VAT of one category, rounded once for the category (EN 16931, BR-CO-17)."""

    category: str
    rate: Decimal
    ground: str | None
    base: Money
    vat: Money


@contract
class PaymentView:
    """What a payer must know; ``epc`` is the payload of an EPC069-12 QR code. ``amount`` is what is still owed."""

    payee: str
    iban: str
    bic: str
    amount: Money
    reference: str
    due_on: date
    epc: str


@contract
class OrderView:
    """An order as its organisation and staff see it; ``payment`` only while something is owed."""

    id: UUID
    number: str
    organisation_id: UUID
    organisation_name: str
    placed_by: UUID
    state: str
    lines: list[OrderLineView]
    net: Money
    vat: Money
    gross: Money
    vat_breakdown: list[VatView]
    paid: Money
    credit: Money
    placed_at: datetime
    due_on: date
    settled_at: datetime | None = None
    payment: PaymentView | None = None
    invoice_number: str | None = None
    has_proforma: bool = False
    has_invoice: bool = False
    decline_reason: str | None = None
    can_cancel: bool = False


@contract
class GetOrder:
    """Asks for one order; somebody else's is not found."""

    order_id: UUID


@contract
class ListOrders:
    """Orders, newest first: of one organisation, or of all for staff; ``number`` finds one by its number."""

    organisation_id: UUID | None = None
    states: list[str] = bounded(10, default=[])
    search: str = bounded(60, default="")
    page_size: int = between(1, 200, default=25)
    page_token: str | None = None


@contract
class Orders:
    """A page of orders."""

    items: list[OrderView]
    next_page_token: str | None = None


@contract
class CancelOrder:
    """Cancels an order before any payment."""

    order_id: UUID


@contract
class ApproveOrder:
    """An official's approval, where the operator asks for it instead of a payment."""

    order_id: UUID


@contract
class DeclineOrder:
    """An official's refusal with the reason that the orderer reads."""

    order_id: UUID
    reason: str = bounded(500, least=1)


@contract
class GetOrderDocument:
    """Asks for the PDF of an order."""

    order_id: UUID
    kind: str = one_of("proforma", "invoice")


# --- bank statements --------------------------------------------------------------------------------------------


@contract
class ImportBankStatement:
    """Imports an uploaded file (in the document store at ``key``) in the background."""

    key: str = bounded(200, least=1)
    filename: str = bounded(200, least=1)
    size: int = between(0, 2**40)


@contract
class BankStatementView:
    """How far an import is. ``state``: ``waiting``, ``reading``, ``matching``, ``done``, ``failed`` with ``reason``.

    ``reason`` is a code with ``reason_params``; counts are of entries: ``entries`` read so far, of these ``matched``
    (settled or added to an order), ``unmatched`` (queued for a person), ``duplicates`` (known already) and
    ``outgoing`` (money that left, of no concern here). ``progress`` from 0 to 100.
    """

    id: UUID
    filename: str
    state: str
    uploaded_at: datetime
    uploaded_by: UUID
    entries: int
    matched: int
    unmatched: int
    duplicates: int
    outgoing: int
    progress: int
    reason: str | None = None
    reason_params: dict[str, str] = bounded(10, default={})
    finished_at: datetime | None = None


@contract
class GetBankStatement:
    """Asks how far an import is."""

    statement_id: UUID


@contract
class ListBankStatements:
    """Imports, newest first."""

    page_size: int = between(1, 200, default=25)
    page_token: str | None = None


@contract
class BankStatements:
    """A page of imports."""

    items: list[BankStatementView]
    next_page_token: str | None = None


@contract
class BankTransactionView:
    """An incoming transfer. ``state``: ``unmatched``, ``matched``, ``discarded``; ``why`` an unmatched one is queued:
    ``no_reference``, ``unknown_reference``, ``order_closed``, ``already_paid``, ``ambiguous``, ``collective`` (several
    payments in one booking).
    ``suggestions`` are numbers of open orders that may be meant."""

    id: UUID
    statement_id: UUID
    booked_on: date
    amount: Money
    payer_name: str
    payer_iban: str
    text: str
    state: str
    why: str | None = None
    order_id: UUID | None = None
    order_number: str | None = None
    matched_by: str | None = None
    note: str | None = None
    suggestions: list[str] = bounded(10, default=[])


@contract
class ListBankTransactions:
    """Incoming transfers by state, newest first; ``statement_id`` narrows to one import, ``transaction_id`` to one."""

    state: str = one_of("unmatched", "matched", "discarded", "", default="unmatched")
    statement_id: UUID | None = None
    transaction_id: UUID | None = None
    search: str = bounded(100, default="")
    page_size: int = between(1, 200, default=50)
    page_token: str | None = None


@contract
class BankTransactions:
    """A page of incoming transfers."""

    items: list[BankTransactionView]
    total: int
    next_page_token: str | None = None


@contract
class MatchBankTransaction:
    """Finance says which order a transfer pays."""

    transaction_id: UUID
    order_number: str = bounded(30, least=1)


@contract
class DiscardBankTransaction:
    """Finance says that a transfer concerns no order."""

    transaction_id: UUID
    note: str = bounded(500, least=1)


# --- events -----------------------------------------------------------------------------------------------------


@contract
class OrderedLine:
    """A line as other services need it."""

    line_id: UUID
    product_id: UUID
    sku: str
    kind: str
    quantity: int
    validity_months: int
    name: LocalText = bounded(10, default={})


@event("orders.product_published.v1", subject="product_id")
class ProductPublished(Event):
    """A product as it is sold from now on."""

    product_id: UUID
    sku: str
    name: LocalText
    kind: str
    choose_modules: bool
    minutes_required: int
    hours_rule: str
    modules: list[ModuleView]


@event("orders.order_placed.v1", subject="order_id")
class OrderPlaced(Event):
    """An order was placed; ``state`` is ``awaiting_payment`` or ``awaiting_approval``."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    language: str
    state: str
    lines: list[OrderedLine]
    gross: Money


@event("orders.proforma_issued.v1", subject="order_id")
class ProformaIssued(Event):
    """The proforma with everything a payer must know; the orderer gets it by mail."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    payment: PaymentView
    document: DocumentView


@event("orders.payment_received.v1", subject="order_id")
class PaymentReceived(Event):
    """Money came in for an order; ``owed`` is what is still missing, ``credit`` what is too much."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    amount: Money
    paid: Money
    owed: Money
    credit: Money


@event("orders.order_paid.v1", subject="order_id")
class OrderPaid(Event):
    """The whole sum is there: seats may be granted."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    lines: list[OrderedLine]
    paid_at: datetime


@event("orders.order_approved.v1", subject="order_id")
class OrderApproved(Event):
    """An official approved: seats may be granted."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    lines: list[OrderedLine]
    approved_by: UUID
    approved_at: datetime


@event("orders.order_declined.v1", subject="order_id")
class OrderDeclined(Event):
    """An official declined."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    reason: str


@event("orders.order_cancelled.v1", subject="order_id")
class OrderCancelled(Event):
    """The orderer took it back before any payment."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID


@event("orders.order_expired.v1", subject="order_id")
class OrderExpired(Event):
    """Nothing was paid in time."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID


@event("orders.invoice_issued.v1", subject="order_id")
class InvoiceIssued(Event):
    """The order is paid and has its invoice; the orderer gets both news in one mail."""

    order_id: UUID
    number: str
    organisation_id: UUID
    placed_by: UUID
    invoice_number: str
    total: Money
    document: DocumentView


@event("orders.bank_statement_progressed.v1", subject="statement_id")
class BankStatementProgressed(Event):
    """An import came to a new state; the page that shows it need not ask."""

    statement_id: UUID
    state: str
