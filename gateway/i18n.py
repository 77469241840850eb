"""The reader's language, and how dates, money, numbers and long identifiers are written in it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import Flask, Response, current_app, g, redirect, request
from flask_babel import Babel
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri

from libs.contracts.base import LocalText, Money

LANGUAGES = {"bg": "Български", "en": "English"}
"""Code → its own name, in the order of the switch; the first is the default."""
DEFAULT = "bg"
FORMATS = {"bg": Locale("bg"), "en": Locale("en", "GB")}
"""How dates and numbers are written; English as it is written in Europe."""
COOKIE = "language"
YEAR = 365 * 24 * 3600
NO_BREAK = "\N{NO-BREAK SPACE}"


def language() -> str:
    """The code of the reader's language."""
    if "language" not in g:
        chosen = request.args.get("lang") or request.cookies.get(COOKIE) or DEFAULT
        g.language = chosen if chosen in LANGUAGES else DEFAULT
    code: str = g.language
    return code


def switch_address(code: str) -> str:
    """The address of this very page in another language."""
    arguments = MultiDict((k, v) for k, v in request.args.items(multi=True) if k != "lang")
    arguments["lang"] = code
    path = request.path if request.method in {"GET", "HEAD"} else "/"
    return f"{path}?{'&'.join(iri_to_uri(f'{k}={v}') for k, v in arguments.items(multi=True))}"


def remember_language(response: Response) -> Response:
    """Keep the language that a ``?lang=`` link chose."""
    if request.args.get("lang") in LANGUAGES:
        set_language(response, request.args["lang"])
    response.headers.setdefault("Content-Language", language())
    return response


def set_language(response: Response, code: str) -> None:
    """Set the language cookie."""
    response.set_cookie(
        COOKIE, code, max_age=YEAR, path="/", samesite="Lax", httponly=True, secure=current_app.config["TLS"]
    )


def drop_parameter() -> Any:
    """After a ``?lang=`` link, show the page under its own address."""
    if request.method != "GET" or request.args.get("lang") not in LANGUAGES or request.path.startswith("/api/"):
        return None
    rest = "&".join(iri_to_uri(f"{k}={v}") for k, v in request.args.items(multi=True) if k != "lang")
    return redirect(f"{request.path}?{rest}" if rest else request.path)


def money(value: Money | None) -> str:
    """``432,00 EUR`` in Bulgarian, ``432.00 EUR`` in English; the currency never stands alone on a new line."""
    if value is None:
        return ""
    amount = format_decimal(value.amount, format="#,##0.00##", locale=FORMATS[language()])
    return f"{amount}{NO_BREAK}{value.currency}"


def number(value: int | Decimal | None) -> str:
    """A number with the reader's separators."""
    return "" if value is None else format_decimal(value, locale=FORMATS[language()])


def hours(minutes: int) -> str:
    """Minutes as hours and minutes: ``14:59``."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def day(value: date | datetime | None, style: str = "long") -> str:
    """A date; an instant becomes the date in the portal's time zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(current_app.config["TIME_ZONE"]).date()
    return format_date(value, style, locale=FORMATS[language()])


def instant(value: datetime | None, style: str = "medium") -> str:
    """A date with the time, in the portal's time zone."""
    if value is None:
        return ""
    return format_datetime(value, style, tzinfo=current_app.config["TIME_ZONE"], locale=FORMATS[language()])


def clock_time(value: datetime | None) -> str:
    """Hours and minutes of an instant, in the portal's time zone."""
    return "" if value is None else value.astimezone(current_app.config["TIME_ZONE"]).strftime("%H:%M")


def grouped(value: str | None) -> str:
    """A long identifier (IBAN, reference) in groups of four."""
    plain = "".join((value or "").split())
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def address(value: str | None) -> Markup:
    """An e-mail address that breaks after its @ where it does not fit on one line."""
    return escape(value or "").replace("@", Markup("@<wbr>"))


def dotted(value: str | None) -> Markup:
    """A name of several parts that may break after each of them: ``orders.order_paid.v1``."""
    return escape(value or "").replace(".", Markup(".<wbr>")).replace("_", Markup("_<wbr>"))


def localtext(value: LocalText | None) -> str:
    """The reader's language of a text kept in several; else English, else Bulgarian, else any."""
    texts = value or {}
    for code in (language(), "en", "bg"):
        if texts.get(code):
            return texts[code]
    return next((text for text in texts.values() if text), "")


FILTERS = {
    "money": money,
    "number": number,
    "hours": hours,
    "date": day,
    "instant": instant,
    "clock": clock_time,
    "iban": grouped,
    "reference": grouped,
    "address": address,
    "dotted": dotted,
    "localtext": localtext,
}


def install(app: Flask) -> None:
    """Give the application languages, the switch and the filters."""
    Babel(app, default_locale=DEFAULT, default_translation_directories="locale", locale_selector=language)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(languages=LANGUAGES, language=language, switch_address=switch_address)
    app.before_request(drop_parameter)
    app.after_request(remember_language)
