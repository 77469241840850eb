"""The trade of ordering: aggregates with their rules, and the events they record."""

from services.orders.model.bank import BankStatement, BankTransaction, KnownPayer, StagedEntry
from services.orders.model.base import Base
from services.orders.model.invoice import Invoice
from services.orders.model.order import Order, OrderLine
from services.orders.model.product import Product
from services.orders.model.series import DocumentSeries

__all__ = [
    "BankStatement",
    "BankTransaction",
    "Base",
    "DocumentSeries",
    "Invoice",
    "KnownPayer",
    "Order",
    "OrderLine",
    "Product",
    "StagedEntry",
]
