"""The people of a fault run: the demo operator's staff, and employees who sign in by push."""

from __future__ import annotations

from pathlib import Path

from libs.chassis.operator import PRESETS

EMPLOYEES = 24
NEW_PASSWORD = "four quiet rivers meet"
PERSON = """
[[demo.accounts]]
login = "employee{number}"
given_name = "Проба"
family_name = "{name}"
email = "employee{number}@broker.example"
phone = "{phone}"
role = "member"
organisation = "broker"
"""


def write_preset(path: Path) -> Path:
    """The demo operator's preset with the employees."""
    texts = [(PRESETS / "demo.toml").read_text(encoding="utf-8")]
    for number in range(EMPLOYEES):
        texts.append(PERSON.format(number=number, name=family_name(number), phone=f"+35988{2_000_000 + number}"))
    path.write_text("".join(texts), encoding="utf-8")
    return path


def family_name(number: int) -> str:
    """A family name for each number: names hold no digits."""
    return "Пример" + "".join("абвгдежзий"[int(digit)] for digit in str(number))
