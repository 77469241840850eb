"""Readers of bank statement files: every format becomes the same stream of entries."""

from services.orders.adapters.bank_statements.detect import read_statement
from services.orders.adapters.bank_statements.entry import Entry, OwnAccounts, Reason, StatementFault

__all__ = ["Entry", "OwnAccounts", "Reason", "StatementFault", "read_statement"]
