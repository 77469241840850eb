"""The token bucket of an address."""

import pytest

from gateway.security.rate_limit import Buckets


def test_a_minutes_worth_goes_at_once_and_the_rest_waits_its_turn() -> None:
    now = [0.0]
    buckets = Buckets(6, lambda: now[0])
    assert [buckets.take("a") for _ in range(6)] == [0.0] * 6
    assert buckets.take("a") == pytest.approx(10)
    assert buckets.take("b") == 0.0
    now[0] = 9.99
    assert buckets.take("a") > 0
    now[0] = 10.01
    assert buckets.take("a") == 0.0


def test_zero_means_no_limit() -> None:
    buckets = Buckets(0)
    assert {buckets.take("a") for _ in range(1000)} == {0.0}


def test_many_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.security.rate_limit.MOST_ADDRESSES", 10)
    buckets = Buckets(1, lambda: 0.0)
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets._levels) == 10
