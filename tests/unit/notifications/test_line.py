"""A mail server that is away is left alone for a while, longer each time, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.notifications.handlers.line import Line

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def test_pauses_grow_to_the_longest_and_begin_small_again_once_a_mail_was_taken() -> None:
    line = Line(2.0, 15.0)
    now, pauses = NOW, []
    assert line.is_worth_a_try(now)
    for _ in range(5):
        until = line.was_away(now)
        assert not line.is_worth_a_try(until - timedelta(milliseconds=1))
        assert line.is_worth_a_try(until)
        pauses.append((until - now).total_seconds())
        now = until
    assert pauses == [2.0, 4.0, 8.0, 15.0, 15.0]

    line.answered()
    assert line.is_worth_a_try(now)
    assert line.was_away(now) - now == timedelta(seconds=2)
