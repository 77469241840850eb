"""Orders that nobody paid in time."""

from sqlalchemy import select

from libs.messaging.work import Work
from services.orders.model import Order

_AT_ONCE = 50


def expire_due(work: Work) -> bool:
    """Expire unpaid orders whose time has run out; more may be left."""
    due = (
        select(Order)
        .where(Order.state == "awaiting_payment", Order.expires_at <= work.now())
        .order_by(Order.expires_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    orders = list(work.session.scalars(due))
    for order in orders:
        order.expire()
    return len(orders) == _AT_ONCE
