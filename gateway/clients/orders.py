"""What the portal asks of ``orders``: catalogue, orders, bank statements."""

from collections.abc import Sequence
from uuid import UUID

from gateway.clients.base import Remote, client
from libs.contracts import orders as contract
from libs.contracts.base import DocumentView


class OrdersClient(Remote):
    """The remote side of ``orders``; each method is one deed or question there."""

    service = "orders"

    def list_products(self) -> contract.Catalogue:
        """The catalogue."""
        return self._ask("list_products", contract.ListProducts(), contract.Catalogue)

    # Orders

    def place_order(
        self, organisation_id: UUID, lines: Sequence[contract.NewOrderLine], *, language: str = "bg"
    ) -> contract.OrderView:
        """Order products for an organisation."""
        request = contract.PlaceOrder(organisation_id=organisation_id, lines=list(lines), language=language)
        return self._tell("place_order", request, contract.OrderView)

    def get_order(self, order_id: UUID) -> contract.OrderView:
        """One order; ``NotFound`` where it is somebody else's."""
        return self._ask("get_order", contract.GetOrder(order_id=order_id), contract.OrderView)

    def list_orders(self, request: contract.ListOrders) -> contract.Orders:
        """A page of orders."""
        return self._ask("list_orders", request, contract.Orders)

    def cancel_order(self, order_id: UUID) -> contract.OrderView:
        """Cancel an order before any payment."""
        return self._tell("cancel_order", contract.CancelOrder(order_id=order_id), contract.OrderView)

    def approve_order(self, order_id: UUID) -> contract.OrderView:
        """Approve in the place of a payment."""
        return self._tell("approve_order", contract.ApproveOrder(order_id=order_id), contract.OrderView)

    def decline_order(self, order_id: UUID, reason: str) -> contract.OrderView:
        """Decline with a reason that the orderer reads."""
        return self._tell("decline_order", contract.DeclineOrder(order_id=order_id, reason=reason), contract.OrderView)

    def get_order_document(self, order_id: UUID, kind: str) -> DocumentView:
        """Where the ``proforma`` or ``invoice`` of an order lies."""
        return self._ask("get_order_document", contract.GetOrderDocument(order_id=order_id, kind=kind), DocumentView)

    # Bank statements

    def import_bank_statement(self, key: str, filename: str, size: int) -> contract.BankStatementView:
        """Import an uploaded file in the background."""
        request = contract.ImportBankStatement(key=key, filename=filename, size=size)
        return self._tell("import_bank_statement", request, contract.BankStatementView)

    def get_bank_statement(self, statement_id: UUID) -> contract.BankStatementView:
        """How far an import is."""
        request = contract.GetBankStatement(statement_id=statement_id)
        return self._ask("get_bank_statement", request, contract.BankStatementView)

    def list_bank_statements(self, page_token: str | None = None) -> contract.BankStatements:
        """Imports, newest first."""
        request = contract.ListBankStatements(page_token=page_token)
        return self._ask("list_bank_statements", request, contract.BankStatements)

    def list_bank_transactions(self, request: contract.ListBankTransactions) -> contract.BankTransactions:
        """Incoming transfers."""
        return self._ask("list_bank_transactions", request, contract.BankTransactions)

    def match_bank_transaction(self, transaction_id: UUID, order_number: str) -> contract.BankTransactionView:
        """Say which order a transfer pays."""
        request = contract.MatchBankTransaction(transaction_id=transaction_id, order_number=order_number)
        return self._tell("match_bank_transaction", request, contract.BankTransactionView)

    def discard_bank_transaction(self, transaction_id: UUID, note: str) -> contract.BankTransactionView:
        """Say that a transfer concerns no order."""
        request = contract.DiscardBankTransaction(transaction_id=transaction_id, note=note)
        return self._tell("discard_bank_transaction", request, contract.BankTransactionView)


orders = client(OrdersClient)
