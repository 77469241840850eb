"""Creditor references (ISO 11649) that survive what banks and people do to them."""

import re
from collections.abc import Iterator

from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

# Letters that look alike in Cyrillic and Latin: people copy a reference by eye.
LOOK_ALIKES = str.maketrans("АВЕКМНОРСТУХавекмнорстух", "ABEKMHOPCTYXABEKMHOPCTYX")
SEPARATORS = re.compile(r"[\s.\-/_:,;|]+")


def make_reference(body: str) -> str:
    """The ``RF`` reference of ``body`` (up to 21 letters and digits)."""
    reference = f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"
    return str(iso11649.validate(reference))


def is_reference(text: str) -> bool:
    """Whether ``text`` is an ``RF`` reference with right check digits."""
    try:
        iso11649.validate(text)
    except ValidationError:
        return False
    return True


def normalise(text: str) -> str:
    """Upper-case Latin letters and digits only: no separators, no look-alikes from the other alphabet."""
    return SEPARATORS.sub("", text).translate(LOOK_ALIKES).upper()


def group(reference: str) -> str:
    """The reference in groups of four, as people read it (ISO 11649, printed form)."""
    return " ".join(reference[i : i + 4] for i in range(0, len(reference), 4))


def find_references(text: str, body_length: int) -> Iterator[str]:
    """Every valid ``RF`` reference with a body of ``body_length`` found anywhere in ``text``, glued or wrapped."""
    # РФ typed on a Cyrillic keyboard is RF; the table of look-alikes alone would make it PФ.
    cleaned = normalise(text.replace("РФ", "RF").replace("рф", "RF"))
    length = 4 + body_length
    for start in (m.start() for m in re.finditer("RF", cleaned)):
        candidate = cleaned[start : start + length]
        if len(candidate) == length and is_reference(candidate):
            yield candidate
