"""What callers may ask of orders."""

from libs.contracts.base import DocumentView
from libs.contracts.orders import (
    ApproveOrder,
    BankStatements,
    BankStatementView,
    BankTransactions,
    BankTransactionView,
    CancelOrder,
    Catalogue,
    DeclineOrder,
    DiscardBankTransaction,
    GetBankStatement,
    GetOrder,
    GetOrderDocument,
    ImportBankStatement,
    ListBankStatements,
    ListBankTransactions,
    ListOrders,
    ListProducts,
    MatchBankTransaction,
    Orders,
    OrderView,
    PlaceOrder,
)
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work
from services.orders import queries
from services.orders.handlers import deciding, payments, placing, statements


class OrdersRpc(ServiceRpc):
    """Catalogue, orders, bank statements and the documents that come of them."""

    name = "orders"

    @query(public=True)
    def list_products(self, work: Work, request: ListProducts) -> Catalogue:
        return queries.list_products(work, request)

    @command
    def place_order(self, work: Work, request: PlaceOrder) -> OrderView:
        return placing.place_order(work, request)

    @command
    def cancel_order(self, work: Work, request: CancelOrder) -> OrderView:
        return placing.cancel_order(work, request)

    @command
    def approve_order(self, work: Work, request: ApproveOrder) -> OrderView:
        return deciding.approve_order(work, request)

    @command
    def decline_order(self, work: Work, request: DeclineOrder) -> OrderView:
        return deciding.decline_order(work, request)

    @query
    def get_order(self, work: Work, request: GetOrder) -> OrderView:
        return queries.get_order(work, request)

    @query
    def list_orders(self, work: Work, request: ListOrders) -> Orders:
        return queries.list_orders(work, request)

    @query
    def get_order_document(self, work: Work, request: GetOrderDocument) -> DocumentView:
        return queries.get_order_document(work, request)

    @command
    def import_bank_statement(self, work: Work, request: ImportBankStatement) -> BankStatementView:
        return statements.import_bank_statement(work, request)

    @query
    def get_bank_statement(self, work: Work, request: GetBankStatement) -> BankStatementView:
        return queries.get_bank_statement(work, request)

    @query
    def list_bank_statements(self, work: Work, request: ListBankStatements) -> BankStatements:
        return queries.list_bank_statements(work, request)

    @query
    def list_bank_transactions(self, work: Work, request: ListBankTransactions) -> BankTransactions:
        return queries.list_bank_transactions(work, request)

    @command
    def match_bank_transaction(self, work: Work, request: MatchBankTransaction) -> BankTransactionView:
        return payments.match_bank_transaction(work, request)

    @command
    def discard_bank_transaction(self, work: Work, request: DiscardBankTransaction) -> BankTransactionView:
        return payments.discard_bank_transaction(work, request)
