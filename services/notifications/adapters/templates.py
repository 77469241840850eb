"""Words a mail: subject, text and HTML from the templates of its name, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from libs.chassis.operator import Operator
from services.notifications.adapters import wording

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
BLOT = "••••••••"
"""What stands in the register where the mail held a secret."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads the mail."""

    given_name: str
    family_name: str
    login: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Worded:
    """A mail in words; the subject is one line, whatever it was made of."""

    subject: str
    text: str
    html: str


class Links:
    """Addresses of the portal's pages that mails lead to."""

    def __init__(self, portal: str) -> None:
        self.portal = portal
        self.how_to_register = f"{portal}/how-to-register"
        self.licences = f"{portal}/management/licences"
        self.trainings = f"{portal}/trainings"

    def order(self, order_id: str) -> str:
        """The page of one order."""
        return f"{self.portal}/orders/{order_id}"

    def certificate_check(self, code: str) -> str:
        """The public page that says whether a certificate is valid."""
        return f"{self.portal}/certificates/check/{code}"


def word(
    template: str,
    *,
    reader: Reader,
    context: Mapping[str, Any],
    operator: Operator,
    portal: str,
    zone: ZoneInfo,
    secret: str = BLOT,
) -> Worded:
    """The mail in the reader's language; a variable that is missing is an error, never a gap in a letter."""
    names = {
        **context,
        "reader": reader,
        "language": reader.language,
        "operator": operator,
        "links": Links(portal),
        "secret": secret,
        "template": template,
    }
    environment = _environment(reader.language, zone)

    def render(part: str) -> str:
        return environment.get_template(f"{template}/{part}.{reader.language}.j2").render(names)

    subject = " ".join(render("subject").split())
    return Worded(subject=subject, text=render("text"), html=render("html"))


def mail_names() -> list[str]:
    """Every mail there are words for."""
    return sorted(folder.name for folder in TEMPLATES.iterdir() if folder.is_dir() and folder.name != "layout")


@cache
def _environment(language: str, zone: ZoneInfo) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=_is_html,  # noqa: S701 - HTML is escaped, text must not be
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters |= {
        "local": lambda text: wording.local(text, language),
        "money": lambda value: wording.money(value, language),
        "day": lambda value: wording.day(value, language),
        "moment": lambda value: wording.moment(value, language, zone),
        "hours": lambda minutes: wording.hours(minutes, language),
        "grouped": wording.grouped,
    }
    return environment


def _is_html(name: str | None) -> bool:
    return name is not None and "/html." in name
