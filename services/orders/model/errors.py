"""Refusals of this service, each with a stable code."""

from libs.contracts.errors import Conflict


class OrderClosed(Conflict):
    """The order was cancelled, expired, declined or approved: it takes no payment."""

    CODE, MESSAGE = "order_closed", "This order is closed and takes no payment."


class OrderNotCancellable(Conflict):
    """Money has come in, or the order is at its end."""

    CODE, MESSAGE = "order_not_cancellable", "This order can no longer be cancelled."


class OrderNotAwaitingApproval(Conflict):
    """The order was decided already, or needs no approval."""

    CODE, MESSAGE = "order_not_awaiting_approval", "This order is not waiting for approval."


class OrderNotExpirable(Conflict):
    """The order was paid in part or decided; it does not expire."""

    CODE, MESSAGE = "order_not_expirable", "This order does not expire."


class TransactionNotUnmatched(Conflict):
    """The transfer is matched or discarded already; what a person decided is not undone."""

    CODE, MESSAGE = "transaction_not_unmatched", "This transfer has been dealt with already."
