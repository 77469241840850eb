"""Unit tests talk to nobody."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest


class SocketOpened(AssertionError):
    """A unit test tried to reach the network."""


def _refuse(self: socket.socket, address: Any) -> NoReturn:
    raise SocketOpened(f"a unit test may not connect to {address!r}: move it to tests/integration")


@pytest.fixture(autouse=True)
def closed_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection."""
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", _refuse)
