"""Certificate numbers and check codes: one is read aloud and filed, the other proves that the paper was seen."""

import re
import secrets

from stdnum.iso7064 import mod_37_36

from libs.chassis.references import normalise

# No 0 and O, no 1 and I: the code is typed from paper. 24 of 32 letters are 120 bits.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CHECK_CODE_LENGTH = 24

PREFIX = re.compile(r"[A-Z]{1,4}")
COMPACT = re.compile(r"([A-Z]{1,4})(\d{2})(\d{6,})([0-9A-Z])")


def make_number(prefix: str, year: int, serial: int) -> str:
    """The number ``C26-000123-K``: prefix and year, serial, and a check character (ISO 7064, mod 37,36)."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError(f"a certificate prefix is one to four Latin capitals, not {prefix!r}")
    if serial < 1:
        raise ValueError(f"serials count from 1, not from {serial}")
    head, body = f"{prefix}{year % 100:02d}", f"{serial:06d}"
    return f"{head}-{body}-{mod_37_36.calc_check_digit(head + body)}"


def read_number(text: str) -> str | None:
    """The number that somebody typed, in its own spelling; ``None`` where the check character does not fit."""
    compact = normalise(text)
    parts = COMPACT.fullmatch(compact) if compact.isascii() else None
    if parts is None or not mod_37_36.is_valid(compact):
        return None
    prefix, year, serial, check = parts.groups()
    return f"{prefix}{year}-{serial}-{check}"


def new_check_code() -> str:
    """A code of 120 random bits that nobody can guess from the number."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CHECK_CODE_LENGTH))


def read_check_code(text: str) -> tuple[str | None, str | None]:
    """The number (where one stands in front) and the code that somebody typed; ``(None, None)`` where it is neither."""
    compact = normalise(text)
    code, front = compact[-CHECK_CODE_LENGTH:], compact[:-CHECK_CODE_LENGTH]
    if len(code) != CHECK_CODE_LENGTH or not set(code) <= set(ALPHABET):
        return None, None
    if not front:
        return None, code
    number = read_number(front)
    return (number, code) if number else (None, None)


def group_check_code(code: str) -> str:
    """The code in groups of four, as it is printed."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))
