"""How sums, dates and hours are said in the reader's language."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from libs.chassis import references

LANGUAGES = ("bg", "en")
FORMATS = {"bg": "bg_BG", "en": "en_GB"}


def language_for(wanted: str, offered: list[str]) -> str:
    """The language of a mail: the reader's where we word mails in it, else the operator's first."""
    if wanted in LANGUAGES:
        return wanted
    return next((language for language in offered if language in LANGUAGES), LANGUAGES[0])


def local(text: Mapping[str, str], language: str) -> str:
    """A text in the reader's language, else in whatever language it has."""
    return text.get(language) or text.get("en") or next(iter(text.values()), "")


def money(value: Mapping[str, Any], language: str) -> str:
    """``{"amount": "123.40", "currency": "EUR"}`` as people write it."""
    return str(format_currency(Decimal(value["amount"]), value["currency"], locale=FORMATS[language]))


def day(value: str, language: str) -> str:
    """An ISO date in words."""
    return str(format_date(date.fromisoformat(value), format="d MMMM y", locale=FORMATS[language]))


def moment(value: str, language: str, zone: ZoneInfo) -> str:
    """An RFC 3339 instant in words, by the clock on the reader's wall."""
    instant = datetime.fromisoformat(value)
    return str(format_datetime(instant, format="d MMMM y, HH:mm", tzinfo=zone, locale=FORMATS[language]))


def hours(minutes: int, language: str) -> str:
    """A duration in hours and minutes."""
    whole, rest = divmod(minutes, 60)
    units = {"bg": ("ч.", "мин."), "en": ("h", "min")}[language]
    parts = [f"{number} {unit}" for number, unit in zip((whole, rest), units, strict=True) if number]
    return " ".join(parts) or f"0 {units[1]}"


def grouped(value: str) -> str:
    """An IBAN or reference in groups of four."""
    return references.group(value.replace(" ", ""))
