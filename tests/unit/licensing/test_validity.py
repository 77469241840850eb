"""How long seats are valid."""

from datetime import date

import pytest

from services.licensing.handlers.pools import add_months


@pytest.mark.parametrize(
    ("day", "months", "last_day"),
    [
        (date(2026, 3, 15), 12, date(2027, 3, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 11, 30), 36, date(2029, 11, 30)),
    ],
)
def test_months_are_added_on_the_calendar(day: date, months: int, last_day: date) -> None:
    assert add_months(day, months) == last_day
