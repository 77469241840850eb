"""A certificate as PDF/A-3b, set by typst with one compiler for all; the same certificate gives the same bytes."""

import json
import threading
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import segno
import typst
from babel.dates import format_date

from libs.chassis.operator import Operator
from libs.contracts.base import LocalText
from services.certificates.model import Certificate
from services.certificates.model.numbers import group_check_code

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
FONTS = Path(__file__).resolve().parents[3] / "libs" / "chassis" / "fonts"

HOURS = {"bg": ("час", "часа"), "en": ("hour", "hours")}
MINUTES = {"bg": ("минута", "минути"), "en": ("minute", "minutes")}
AND = {"bg": "и", "en": "and"}
# Readers take any of the eight masks; trying all of them out takes longer than half of setting the page.
QR_MASK = 3


class PrintSettings(Protocol):
    """What printing needs of the settings."""

    @property
    def public_url(self) -> str: ...

    @property
    def time_zone(self) -> ZoneInfo: ...


class _Press:
    """The compiler keeps fonts and template in memory; it is used by one thread at a time."""

    def __init__(self) -> None:
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])
        self._compiler = typst.Compiler(str(TEMPLATES / "certificate.typ"), root=str(TEMPLATES), font_paths=fonts)
        self._lock = threading.Lock()

    def pdf(self, data: dict[str, Any], qr: str, at: datetime) -> bytes:
        inputs = {"data": json.dumps(data, ensure_ascii=False), "qr": qr}
        with self._lock:
            made = self._compiler.compile(
                format="pdf", sys_inputs=inputs, pdf_standards="a-3b", timestamp=at.replace(microsecond=0)
            )
        if not isinstance(made, bytes):
            raise TypeError("typst made no PDF")
        return made


@cache
def _press() -> _Press:
    return _Press()


def print_certificate(certificate: Certificate, operator: Operator, settings: PrintSettings) -> bytes:
    """The certificate in its holder's language, with the other language where it helps a reader from abroad."""
    url = check_url(settings.public_url, certificate.check_code)
    return _press().pdf(_data(certificate, operator, settings, url), _qr(url), certificate.issued_at)


def check_url(public_url: str, check_code: str) -> str:
    """The public page that says whether a certificate is valid."""
    return f"{public_url.rstrip('/')}/certificates/check/{check_code}"


def duration(minutes: int, language: str) -> str:
    """``15 hours``, ``1 hour and 30 minutes``, ``45 minutes``: hours have sixty minutes."""
    hours, rest = divmod(minutes, 60)
    parts = [_counted(hours, HOURS[language])] if hours else []
    if rest or not hours:
        parts.append(_counted(rest, MINUTES[language]))
    return f" {AND[language]} ".join(parts)


def _counted(number: int, words: tuple[str, str]) -> str:
    return f"{number} {words[0] if number == 1 else words[1]}"


def _qr(url: str) -> str:
    svg = BytesIO()
    code = segno.make(url, error="m", micro=False, mask=QR_MASK)
    code.save(svg, kind="svg", border=4, xmldecl=False, light="#fff", dark="#14213d")
    return svg.getvalue().decode()


def _data(certificate: Certificate, operator: Operator, settings: PrintSettings, url: str) -> dict[str, Any]:
    language = "en" if certificate.language == "en" else "bg"
    other = "bg" if language == "en" else "en"

    def said(text: LocalText) -> str:
        return text.get(language) or text.get("bg") or next(iter(text.values()), "")

    def day(instant: datetime) -> date:
        return instant.astimezone(settings.time_zone).date()

    return {
        "language": language,
        "number": certificate.number,
        "holder": certificate.holder,
        "training": said(certificate.training),
        "training_abroad": certificate.training.get(other, ""),
        "duration": duration(certificate.minutes, language),
        "tested": certificate.tested,
        "modules": [
            {"name": said(module["name"]), "duration": duration(module["minutes"], language)}
            for module in certificate.modules
        ],
        "begun_on": _written(day(certificate.begun_at), language),
        "passed_on": _written(day(certificate.passed_at), language),
        "issued_on": _written(day(certificate.issued_at), language),
        "operator": said(operator.name),
        "legal_name": said(operator.supplier.name),
        "legal_number": operator.supplier.number,
        "address": said(operator.supplier.address),
        "registration": said(operator.training.registration),
        "signatory": said(operator.training.signatory),
        "signatory_title": said(operator.training.signatory_title),
        "check_code": group_check_code(certificate.check_code),
        "check_url": url,
        "check_place": url.removeprefix("https://").removeprefix("http://").rsplit("/", 1)[0],
    }


def _written(day: date, language: str) -> str:
    return format_date(day, "d MMMM y 'г.'" if language == "bg" else "d MMMM y", locale=language)
