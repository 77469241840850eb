"""How often a person may be asked."""

from datetime import UTC, datetime, timedelta

import pytest

from services.mfa.model import PushPolicy

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
POLICY = PushPolicy()


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_somebody_never_asked_may_be_asked() -> None:
    assert POLICY.retry_at(NOW, asked=[], refused=[]) is None


@pytest.mark.parametrize(
    ("refusals", "minutes"),
    [(1, 1), (2, 5), (3, 15), (4, 60), (5, 60), (50, 60)],
)
def test_the_cool_down_grows_with_each_refusal_in_a_row(refusals: int, minutes: int) -> None:
    refused = [ago(0.5)] + [ago(30 + number) for number in range(refusals - 1)]
    assert POLICY.retry_at(NOW, asked=[], refused=refused) == ago(0.5) + timedelta(minutes=minutes)


def test_a_cool_down_that_is_over_holds_nothing_back() -> None:
    assert POLICY.retry_at(NOW, asked=[], refused=[ago(1)]) is None


def test_three_pushes_in_ten_minutes_are_the_most() -> None:
    assert POLICY.retry_at(NOW, asked=[ago(9), ago(5)], refused=[]) is None
    assert POLICY.retry_at(NOW, asked=[ago(1), ago(9), ago(5)], refused=[]) == ago(9) + timedelta(minutes=10)
    assert POLICY.retry_at(NOW, asked=[ago(1), ago(5), ago(10)], refused=[]) is None


def test_of_two_reasons_to_wait_the_longer_counts() -> None:
    asked = [ago(1), ago(2), ago(3)]
    assert POLICY.retry_at(NOW, asked=asked, refused=[ago(1), ago(2), ago(3), ago(4)]) == ago(1) + timedelta(hours=1)
