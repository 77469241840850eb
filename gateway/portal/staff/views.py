"""The operator's staff: orders, payments, organisations, messages. Each topic has its own file."""

from gateway.portal.staff import dead_letters, faults, messages, orders, organisations, payments
from gateway.portal.staff.desk import journey

__all__ = ["dead_letters", "faults", "journey", "messages", "orders", "organisations", "payments"]
