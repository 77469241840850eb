"""What the person reads on the phone."""

from datetime import datetime
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from libs.contracts.base import LocalText

FOLDER = Path(__file__).resolve().parents[1] / "templates" / "push"
FALLBACK = "en"


def describe(portal: LocalText, code: str, at: datetime, *, language: str, time_zone: str) -> str:
    """The push's text in the person's language, in English where we have no other."""
    path = FOLDER / f"{language}.txt"
    known = language if path.is_file() else FALLBACK
    template = Template((FOLDER / f"{known}.txt").read_text(encoding="utf-8"))
    local = at.astimezone(ZoneInfo(time_zone))
    name = portal.get(known) or next(iter(portal.values()))
    return template.substitute(portal=name, code=code, time=local.strftime("%H:%M")).strip()
