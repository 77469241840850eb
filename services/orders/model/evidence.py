"""What the texts of a transfer say about the order it pays, through all that people and banks do to them."""

import re
from dataclasses import dataclass
from functools import lru_cache

# Four digits of the year, then six or, after the millionth order, seven of the number.
BODY_LENGTHS = (10, 11)
_HEAD = re.compile(r"[RPР][FФ]")
_YEAR = re.compile(r"20[2-9]\d")
# What a hurried hand or a scanner makes of digits; read so only where a digit must stand, under check digits.
_DIGITS = str.maketrans("OQОILSBZЗБ", "0001158236")
_LEGAL_FORMS = re.compile(r"\b(ЕООД|ООД|ЕАД|АД|ЕТ|СД|КД|ДЗЗД|EOOD|OOD|EAD|AD|ET|SD|KD|DZZD|LTD|LLC|PLC)\b")
_TRANSLITERATION = str.maketrans(
    {
        "А": "A", "Б": "B", "В": "V", "Г": "G", "Д": "D", "Е": "E", "Ж": "ZH", "З": "Z", "И": "I", "Й": "Y", "К": "K",
        "Л": "L", "М": "M", "Н": "N", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "У": "U", "Ф": "F", "Х": "H",
        "Ц": "TS", "Ч": "CH", "Ш": "SH", "Щ": "SHT", "Ъ": "A", "Ь": "Y", "Ю": "YU", "Я": "YA",
    }
)  # fmt: skip
# Banks cut names at 27 or 35 characters; what is left must still be long enough to tell firms apart.
_SHORTEST_CUT = 20


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`references` passed their check digits, `bare` ones too but lack the RF; `numbers` may be order numbers, which
    nothing proves; `damaged` look like a reference and fail the check."""

    references: frozenset[str]
    bare: frozenset[str]
    numbers: frozenset[str]
    damaged: frozenset[str]

    @property
    def candidates(self) -> frozenset[str]:
        """The references of all orders that may be meant, sure or not."""
        numbered = frozenset(reference_of(number) for number in self.numbers)
        return self.references | self.bare | numbered

    def slips(self, reference: str) -> int | None:
        """How many slips lie between this reference and the nearest that was written; nothing where none was."""
        counts = [distance(reference[2:], seen[2:]) for seen in self.damaged]
        counts += [distance(reference[4:], number) for number in self.numbers]
        return min(counts, default=None)


_NOTHING = Evidence(references=frozenset(), bare=frozenset(), numbers=frozenset(), damaged=frozenset())


def evidence_in(text: str) -> Evidence:
    """Find references and order numbers anywhere in a text, glued, wrapped, spaced or typed in the wrong alphabet."""
    if len(text) < BODY_LENGTHS[0]:
        return _NOTHING
    squeezed = "".join(character for character in text.upper() if character.isalnum())
    sound: set[str] = set()
    bare: set[str] = set()
    damaged: set[str] = set()
    for found in _HEAD.finditer(squeezed):
        windows = [_digits(squeezed[found.end() : found.end() + 2 + length]) for length in BODY_LENGTHS]
        right = [window for window in windows if _is_reference(window)]
        sound.update(f"RF{window}" for window in right)
        if not right and len(windows[0]) >= BODY_LENGTHS[0] and windows[0].isdigit():
            damaged.add(f"RF{windows[0]}")
    runs = re.findall(r"\d{10,}", squeezed.translate(_DIGITS))
    for run in runs:
        if len(run) == 2 + BODY_LENGTHS[0] and _YEAR.match(run[2:]) and not _is_reference(run):
            damaged.add(f"RF{run}")
        # The two letters are what people leave out most; the check digits still stand for the rest.
        windows = [run[start : start + 2 + length] for length in BODY_LENGTHS for start in range(len(run) - length - 1)]
        bare.update(f"RF{window}" for window in windows if _is_reference(window))
    # The digits of a damaged reference are no second witness: the slip may be in them.
    runs = [] if damaged else runs
    bodies = {run[start : start + length] for run in runs for length in BODY_LENGTHS for start in range(len(run))}
    numbers = {body for body in bodies if len(body) in BODY_LENGTHS and _YEAR.match(body)}
    return Evidence(
        references=frozenset(sound), bare=frozenset(bare), numbers=frozenset(numbers), damaged=frozenset(damaged)
    )


def same_name(one: str, other: str) -> bool:
    """Whether two names are one firm's, in either alphabet, with or without its legal form, cut by the bank or not."""
    shorter, longer = sorted((_plain(one), _plain(other)), key=len)
    if len(shorter) < 4:
        return False
    if shorter == longer:
        return True
    # "Broker 1" begins "Broker 12", and is another firm.
    return len(shorter) >= _SHORTEST_CUT and longer.startswith(shorter) and not longer[len(shorter)].isdigit()


def distance(one: str, other: str) -> int:
    """The number of slips between two texts: one character wrong, missing, too much, or swapped with its neighbour.

    Optimal string alignment (restricted Damerau-Levenshtein).
    """
    rows = [list(range(len(other) + 1))]
    for i, left in enumerate(one, start=1):
        above, row = rows[-1], [i]
        for j, right in enumerate(other, start=1):
            fewest = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                fewest = min(fewest, rows[-2][j - 2] + 1)
            row.append(fewest)
        rows.append(row)
    return rows[-1][-1]


def reference_of(number: str) -> str:
    """The reference of an order number's digits (ISO 11649 over ISO 7064 MOD 97-10, where RF stands for 2715)."""
    return f"RF{98 - int(f'{number}271500') % 97:02d}{number}"


def _is_reference(window: str) -> bool:
    body = window[2:]
    return (
        window.isascii()
        and window.isdigit()
        and len(body) in BODY_LENGTHS
        and _YEAR.match(body) is not None
        and int(f"{body}2715{window[:2]}") % 97 == 1
    )


def _digits(window: str) -> str:
    return window.translate(_DIGITS)


@lru_cache(maxsize=4_096)
def _plain(name: str) -> str:
    bare = _LEGAL_FORMS.sub(" ", re.sub(r"[^\w\s]", " ", name.upper()))
    return "".join(character for character in bare.translate(_TRANSLITERATION) if character.isalnum())
