"""The operator's staff: orders, payments, organisations, messages."""
