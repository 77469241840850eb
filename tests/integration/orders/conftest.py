"""Every test here has a shop of its own."""

from tests.support.builders.orders import shop

__all__ = ["shop"]
