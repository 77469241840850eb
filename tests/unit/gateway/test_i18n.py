"""Dates, money and long identifiers in the reader's language."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from gateway import i18n
from libs.contracts.base import Money

EUR = Money(amount=Decimal("1432.00"), currency="EUR")


@pytest.fixture
def app() -> Flask:
    """An application that has languages and nothing else."""
    bare = Flask(__name__)
    bare.config.update(TLS=False, TIME_ZONE=ZoneInfo("Europe/Sofia"))
    i18n.install(bare)
    return bare


@pytest.mark.parametrize(("language", "written"), [("bg", "1 432,00 EUR"), ("en", "1,432.00 EUR")])
def test_money_is_written_with_its_currency_and_never_broken_from_it(app: Flask, language: str, written: str) -> None:
    with app.test_request_context("/", headers={"Cookie": f"language={language}"}):
        assert i18n.money(EUR).replace("\N{NO-BREAK SPACE}", " ") == written
        assert "\N{NO-BREAK SPACE}EUR" in i18n.money(EUR)
        assert i18n.money(None) == ""


@pytest.mark.parametrize(("language", "written"), [("bg", "5 декември 2026\u202fг."), ("en", "5 December 2026")])
def test_a_date_is_the_readers(app: Flask, language: str, written: str) -> None:
    with app.test_request_context("/", headers={"Cookie": f"language={language}"}):
        assert i18n.day(date(2026, 12, 5)).replace("\N{NO-BREAK SPACE}", "\u202f") == written


def test_an_instant_is_told_in_the_portals_time_zone(app: Flask) -> None:
    late = datetime(2026, 12, 5, 23, 30, tzinfo=UTC)
    with app.test_request_context("/", headers={"Cookie": "language=en"}):
        assert i18n.day(late) == "6 December 2026"
        assert i18n.clock_time(late) == "01:30"
        assert i18n.instant(late, "short") == "06/12/2026, 01:30"


def test_long_identifiers_stand_in_groups_of_four() -> None:
    assert i18n.grouped("BG80BNBG96611020345678") == "BG80 BNBG 9661 1020 3456 78"
    assert i18n.grouped("RF33 INV000000000123") == "RF33 INV0 0000 0000 123"
    assert i18n.grouped(None) == ""


def test_minutes_are_told_as_hours() -> None:
    assert [i18n.hours(m) for m in (0, 59, 899, 900)] == ["0:00", "0:59", "14:59", "15:00"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [({"bg": "да", "en": "yes"}, "yes"), ({"bg": "да"}, "да"), ({"en": "", "ru": "да"}, "да"), ({}, ""), (None, "")],
)
def test_a_text_in_several_languages_shows_the_readers_or_the_next_best(app: Flask, text: object, seen: str) -> None:
    with app.test_request_context("/", headers={"Cookie": "language=en"}):
        assert i18n.localtext(text) == seen  # type: ignore[arg-type]


def test_an_unknown_language_is_the_default(app: Flask) -> None:
    for address, cookie in (("/?lang=xx", ""), ("/", "language=xx")):
        with app.test_request_context(address, headers={"Cookie": cookie}):
            assert i18n.language() == "bg"


def test_the_switch_keeps_the_rest_of_the_address(app: Flask) -> None:
    with app.test_request_context("/orders?state=paid&q=%D0%B0&lang=bg"):
        assert i18n.switch_address("en") == "/orders?state=paid&q=%D0%B0&lang=en"
