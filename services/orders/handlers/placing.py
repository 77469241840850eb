"""Placing an order and taking it back."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, select, text

from libs.chassis import references
from libs.contracts.errors import Fault, Invalid
from libs.contracts.orders import CancelOrder, NewOrderLine, OrderView, PlaceOrder
from libs.messaging.work import Work
from services.orders import queries
from services.orders.model import Order, OrderLine, Product
from services.orders.settings import operator, settings

_NEXT_NUMBER = text("SELECT nextval('order_numbers')")
_ON_SALE = select(Product).where(Product.sku.in_(bindparam("skus", expanding=True)), Product.on_sale)


def place_order(work: Work, command: PlaceOrder) -> OrderView:
    """Order products for the caller's organisation at today's prices."""
    work.caller.require_manager_of(command.organisation_id)
    lines = _lines_of(work, command.lines)
    ordering, now = operator().ordering, work.now()
    today = now.astimezone(settings().time_zone).date()
    # A sequence, not a locked row: orders may leave gaps, only tax documents may not.
    count = work.session.connection().execute(_NEXT_NUMBER).scalar_one()
    order = Order.place(
        number=f"{ordering.number_prefix}{today.year}-{count:06d}",
        reference=references.make_reference(f"{today.year}{count:06d}"),
        organisation_id=command.organisation_id,
        placed_by=work.caller.account_id,
        language=command.language,
        lines=[OrderLine.of(product, quantity, place) for place, (product, quantity) in enumerate(lines, start=1)],
        currency=lines[0][0].currency,
        by_approval=ordering.settlement == "approval",
        placed_at=now,
        due_on=today + timedelta(days=ordering.payment_days),
        expires_at=now + timedelta(days=ordering.expiry_days),
    )
    order.correlation_id = work.correlation_id
    work.session.add(order)
    work.session.flush()
    if order.proforma_wanted:
        work.wake("issue proformas")
    return queries.view_of_new(work.session, order)


def cancel_order(work: Work, command: CancelOrder) -> OrderView:
    """Take an order back before any payment; that is for its organisation alone, staff decline or let it expire."""
    work.caller.require("manager")
    order = queries.visible_order(work, command.order_id, lock=True)
    order.cancel()
    work.session.flush()
    return queries.view_of(work.session, order)


def _lines_of(work: Work, wanted: Sequence[NewOrderLine]) -> list[tuple[Product, int]]:
    """The products of the lines; raises `Invalid` with a fault for each line that names none, or one twice."""
    skus = [line.sku for line in wanted]
    products = {product.sku: product for product in work.session.scalars(_ON_SALE, {"skus": skus})}
    faults = [
        Fault(field=f"lines.{index}.sku", code="unknown_sku" if sku not in products else "repeated")
        for index, sku in enumerate(skus)
        if sku not in products or sku in skus[:index]
    ]
    # The rim checks quantities too; this is the rule itself, for every caller there will be.
    faults += [
        Fault(field=f"lines.{index}.quantity", code="out_of_range")
        for index, line in enumerate(wanted)
        if not 1 <= line.quantity <= 10_000
    ]
    if faults or not wanted:
        raise Invalid(faults=faults or [Fault(field="lines", code="wrong_length")])
    return [(products[line.sku], line.quantity) for line in wanted]
