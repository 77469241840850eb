"""Unit tests: no sockets."""

from tests.support.closed_sockets import closed_sockets

__all__ = ["closed_sockets"]
