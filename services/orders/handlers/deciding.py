"""An official decides on an order where the operator asks for that instead of a payment."""

from libs.contracts.orders import ApproveOrder, DeclineOrder, OrderView
from libs.messaging.work import Work
from services.orders import queries

DECIDERS = ("official", "admin")


def approve_order(work: Work, command: ApproveOrder) -> OrderView:
    """Approve an order: its seats are granted from now on."""
    work.caller.require(*DECIDERS)
    order = queries.visible_order(work, command.order_id, lock=True)
    order.approve(work.caller.account_id, work.now())
    work.session.flush()
    return queries.view_of(work.session, order)


def decline_order(work: Work, command: DeclineOrder) -> OrderView:
    """Decline an order with the reason that the orderer reads."""
    work.caller.require(*DECIDERS)
    order = queries.visible_order(work, command.order_id, lock=True)
    order.decline(work.caller.account_id, command.reason)
    work.session.flush()
    return queries.view_of(work.session, order)
