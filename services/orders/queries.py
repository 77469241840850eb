"""Reads of the orders service; no rules but who may see what."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from libs.chassis.principal import STAFF_ROLES
from libs.contracts.base import DocumentView
from libs.contracts.errors import Invalid, NotFound
from libs.contracts.orders import (
    BankStatements,
    BankStatementView,
    BankTransactions,
    Catalogue,
    GetBankStatement,
    GetOrder,
    GetOrderDocument,
    ListBankStatements,
    ListBankTransactions,
    ListOrders,
    ListProducts,
    Orders,
    OrderView,
)
from libs.messaging.work import Work
from services.orders.model import BankStatement, BankTransaction, Invoice, Order, Product
from services.orders.projections import Organisation
from services.orders.settings import operator
from services.orders.views import document_view, order_view, product_view, statement_view, transaction_view

SHOWN_TRANSACTIONS = ("unmatched", "matched", "discarded")


def list_products(work: Work, request: ListProducts) -> Catalogue:
    """All products on sale, in the operator's order."""
    products = work.session.scalars(select(Product).where(Product.on_sale).order_by(Product.place, Product.sku))
    return Catalogue(items=[product_view(product) for product in products])


def get_order(work: Work, request: GetOrder) -> OrderView:
    """One order of the caller's organisation, or any for staff."""
    return view_of(work.session, visible_order(work, request.order_id))


def list_orders(work: Work, request: ListOrders) -> Orders:
    """Orders of one organisation, or of all for staff, newest first."""
    wanted = select(Order).options(selectinload(Order.lines))
    if request.organisation_id is not None:
        work.caller.require_manager_of(request.organisation_id, or_staff=STAFF_ROLES)
        wanted = wanted.where(Order.organisation_id == request.organisation_id)
    else:
        work.caller.require(*STAFF_ROLES)
    if request.states:
        wanted = wanted.where(Order.state.in_(request.states))
    if text := request.search.strip():
        named = select(Organisation.organisation_id).where(Organisation.name.icontains(text, autoescape=True))
        squeezed = "".join(text.split()).upper()
        wanted = wanted.where(
            or_(
                Order.number.icontains(text, autoescape=True),
                Order.reference == squeezed,
                Order.organisation_id.in_(named),
            )
        )
    orders, token = _page(work.session, wanted, Order, request.page_size, request.page_token)
    return Orders(items=list(_views_of(work.session, orders)), next_page_token=token)


def get_order_document(work: Work, request: GetOrderDocument) -> DocumentView:
    """The proforma or invoice of an order, once it is made."""
    order = visible_order(work, request.order_id)
    if request.kind == "proforma":
        document = order.proforma
    else:
        document = work.session.scalar(select(Invoice.document).where(Invoice.order_id == order.id))
    if document is None:
        raise NotFound
    return document_view(document)


def get_bank_statement(work: Work, request: GetBankStatement) -> BankStatementView:
    """How far an import is."""
    work.caller.require("finance", "admin")
    statement = work.session.get(BankStatement, request.statement_id)
    if statement is None:
        raise NotFound
    return statement_view(statement)


def list_bank_statements(work: Work, request: ListBankStatements) -> BankStatements:
    """Imports, newest first."""
    work.caller.require("finance", "admin")
    found, token = _page(work.session, select(BankStatement), BankStatement, request.page_size, request.page_token)
    return BankStatements(items=[statement_view(statement) for statement in found], next_page_token=token)


def list_bank_transactions(work: Work, request: ListBankTransactions) -> BankTransactions:
    """Incoming transfers by state, newest first."""
    work.caller.require("finance", "admin")
    wanted = select(BankTransaction).where(
        BankTransaction.state.in_((request.state,) if request.state else SHOWN_TRANSACTIONS)
    )
    if request.statement_id is not None:
        wanted = wanted.where(BankTransaction.statement_id == request.statement_id)
    if request.transaction_id is not None:
        wanted = wanted.where(BankTransaction.id == request.transaction_id)
    if text := request.search.strip():
        columns = (BankTransaction.payer_name, BankTransaction.payer_iban, BankTransaction.text)
        wanted = wanted.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    total = work.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    found, token = _page(work.session, wanted, BankTransaction, request.page_size, request.page_token)
    numbers = _numbers_of(work.session, (transaction.order_id for transaction in found))
    items = [
        transaction_view(transaction, numbers.get(transaction.order_id) if transaction.order_id else None)
        for transaction in found
    ]
    return BankTransactions(items=items, total=total, next_page_token=token)


def visible_order(work: Work, order_id: UUID, *, lock: bool = False) -> Order:
    """The order if the caller may see it; somebody else's is not found."""
    caller = work.caller
    order = work.session.get(Order, order_id, with_for_update=lock or None)
    if order is None:
        raise NotFound
    caller.require_manager_of(order.organisation_id, or_staff=STAFF_ROLES)
    return order


def view_of(session: Session, order: Order) -> OrderView:
    """An order as it is told to callers."""
    return next(iter(_views_of(session, [order])))


def view_of_new(session: Session, order: Order) -> OrderView:
    """An order that was placed just now and can have no invoice yet."""
    names = _names_of(session, {order.organisation_id})
    return order_view(order, operator(), names.get(order.organisation_id, ""), None)


def _views_of(session: Session, orders: Sequence[Order]) -> Iterable[OrderView]:
    names = _names_of(session, {order.organisation_id for order in orders})
    invoices = {
        row.order_id: (row.number, row.document is not None)
        for row in session.execute(
            select(Invoice.order_id, Invoice.number, Invoice.document).where(
                Invoice.order_id.in_([order.id for order in orders])
            )
        )
    }
    for order in orders:
        yield order_view(order, operator(), names.get(order.organisation_id, ""), invoices.get(order.id))


def _names_of(session: Session, organisation_ids: set[UUID]) -> dict[UUID, str]:
    rows = session.execute(
        select(Organisation.organisation_id, Organisation.name).where(
            Organisation.organisation_id.in_(organisation_ids)
        )
    )
    return {row.organisation_id: row.name for row in rows}


def _numbers_of(session: Session, order_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    wanted = {order_id for order_id in order_ids if order_id is not None}
    return {row.id: row.number for row in session.execute(select(Order.id, Order.number).where(Order.id.in_(wanted)))}


def _page(
    session: Session, wanted: Select[Any], entity: Any, size: int, token: str | None
) -> tuple[list[Any], str | None]:
    """A page in descending order of ids, which grow with time; the token is the last id seen."""
    if token:
        try:
            wanted = wanted.where(entity.id < UUID(token))
        except ValueError:
            raise Invalid.field("page_token", "not_valid") from None
    rows = list(session.scalars(wanted.order_by(entity.id.desc()).limit(size + 1)))
    return rows[:size], str(rows[size - 1].id) if len(rows) > size else None
