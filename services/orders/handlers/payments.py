"""Finance decides what the matching left open."""

from uuid import UUID

from sqlalchemy import select

from libs.contracts.errors import Invalid, NotFound
from libs.contracts.orders import BankTransactionView, DiscardBankTransaction, MatchBankTransaction
from libs.messaging.work import Work
from services.orders.handlers import matching
from services.orders.model import BankStatement, BankTransaction, Order
from services.orders.queries import SHOWN_TRANSACTIONS
from services.orders.views import transaction_view


def match_bank_transaction(work: Work, command: MatchBankTransaction) -> BankTransactionView:
    """A person says which order a transfer pays; what is more than owed becomes the order's credit."""
    transaction, statement = _queued(work, command.transaction_id)
    number = command.order_number.strip()
    order = work.session.scalar(select(Order).where(Order.number == number).with_for_update())
    if order is None:
        raise Invalid.field("order_number", "unknown_order")
    transaction.match_by_hand(order.id, work.caller.account_id, work.now())
    order.receive(transaction.amount, work.now())
    matching.learn_payer(work, transaction, order)
    statement.recount(matched=1)
    return transaction_view(transaction, order.number)


def discard_bank_transaction(work: Work, command: DiscardBankTransaction) -> BankTransactionView:
    """A person says that a transfer concerns no order."""
    transaction, statement = _queued(work, command.transaction_id)
    transaction.discard(work.caller.account_id, command.note, work.now())
    statement.recount(matched=0)
    return transaction_view(transaction, None)


def _queued(work: Work, transaction_id: UUID) -> tuple[BankTransaction, BankStatement]:
    """Lock statement and transfer in the order in which the worker does, so that the two never wait for each other."""
    work.caller.require("finance", "admin")
    of = select(BankTransaction.statement_id).where(BankTransaction.id == transaction_id)
    statement_id = work.session.scalar(of)
    if statement_id is None:
        raise NotFound
    statement = work.session.get_one(BankStatement, statement_id, with_for_update=True)
    transaction = work.session.get(BankTransaction, transaction_id, with_for_update=True)
    if transaction is None or transaction.state not in SHOWN_TRANSACTIONS:
        raise NotFound
    return transaction, statement
