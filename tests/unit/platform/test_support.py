"""The tests' own tools."""

from __future__ import annotations

import socket

import pytest

from tests.support.closed_sockets import SocketOpened
from tests.support.eventually import eventually


def test_eventually_returns_the_first_true_answer() -> None:
    answers = iter([None, 0, "there"])
    assert eventually(lambda: next(answers), every=0.001) == "there"


def test_eventually_takes_a_failing_assertion_for_not_yet() -> None:
    answers = iter([1, 2, 3])

    def probe() -> bool:
        assert next(answers) == 3
        return True

    assert eventually(probe, every=0.001)


def test_eventually_shows_what_it_last_saw() -> None:
    with pytest.raises(AssertionError, match=r"after 0\.01 s the probe still returned \[\]"):
        eventually(list, timeout=0.01, every=0.001)


def test_eventually_raises_the_last_failed_assertion() -> None:
    def probe() -> bool:
        raise AssertionError("the order is still unpaid")

    with pytest.raises(AssertionError, match="still unpaid"):
        eventually(probe, timeout=0.01, every=0.001)


def test_a_unit_test_cannot_open_a_connection() -> None:
    with socket.socket() as client, pytest.raises(SocketOpened):
        client.connect(("127.0.0.1", 9))
