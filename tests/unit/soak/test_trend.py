"""What counts as growth when an installation is watched for half an hour."""

import pytest

from tests.soak.report import Line, errors_in_logs
from tests.soak.sampling import MEMORY, THREADS
from tests.soak.trend import grows_in_number, grows_in_size, trend_of

TIMES = list(range(30))


def test_what_stays_the_same_does_not_grow() -> None:
    trend = trend_of(TIMES, [7] * 30)

    assert (trend.growth, grows_in_number(trend)) == (0, False)


def test_a_leak_grows_however_it_swings() -> None:
    trend = trend_of(TIMES, [10 + time * 0.3 + time % 3 for time in TIMES])

    assert grows_in_number(trend)


def test_a_pool_that_opens_one_more_connection_does_not_grow() -> None:
    trend = trend_of(TIMES, [3] * 14 + [4] * 16)

    assert trend.growth >= 1
    assert not grows_in_number(trend)


def test_a_queue_that_fills_and_empties_does_not_grow() -> None:
    trend = trend_of(TIMES, [time % 5 for time in TIMES])

    assert not grows_in_number(trend)


@pytest.mark.parametrize(("last", "grows"), [(104, False), (106, True)])
def test_memory_grows_from_a_twentieth_on(last: float, grows: bool) -> None:
    trend = trend_of(TIMES, [100 + (last - 100) * time / 29 for time in TIMES])

    assert grows_in_size(trend, share=0.05) is grows


def test_too_few_samples_say_nothing() -> None:
    with pytest.raises(ValueError, match="say nothing"):
        trend_of([0, 1], [1, 2])


def test_memory_and_counts_have_rules_of_their_own() -> None:
    trend = trend_of(TIMES, [100 + time * 0.1 for time in TIMES])

    assert not Line(owner="orders-rpc", kind=MEMORY, trend=trend).grows
    assert Line(owner="orders-rpc", kind=THREADS, trend=trend).grows


def test_errors_in_logs_are_told_by_kind() -> None:
    log = [
        {"level": "info", "event": "fine"},
        {"level": "error", "event": "job failed", "error": "Lost"},
        {"level": "error", "event": "job failed", "error": "Lost"},
        {"text": "Traceback (most recent call last):"},
    ]

    told = list(errors_in_logs("orders-worker", log))

    assert told[0] == "orders-worker logged 2 times: job failed Lost"
    assert len(told) == 2
