"""Which new passwords are let through: long enough, and none that others would guess. No rules of composition."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from libs.contracts.errors import Invalid

SHORTEST, LONGEST = 12, 128
FEWEST_DIFFERENT = 5
SHORTEST_WORD = 4
LEAST_OF_ITS_OWN = 4
"""Letters that must be left once guessable words, runs and their decoration are taken away."""

DISGUISES = str.maketrans("@4831!0$57", "aabeiiosst")
DECORATION = re.compile(r"[\W\d_]")

RUNS = (
    "12345678901234567890",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "abcdefghijklmnopqrstuvwxyz",
    "явертъуиопшщ",
    "асдфгхйкл",
    "зьцжбнмю",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "абвгдежзийклмнопрстуфхцчшщъьюя",
)
_COMMON = """
    admin administrator autumn baseball batman bulgaria changeme computer default dragon football freedom hello iloveyou
    internet letmein license licence licences licentia login love manager master michael microsoft ministry monkey
    office parola password passwort plovdiv portal princess qwerty secret service shadow sofia spring starwars summer
    sunshine superman support temporary test training trustno user username varna welcome whatever windows winter
    zdravei obicham
    парола паролата админ администратор българия добре добредошли дошли здравей есен застраховка зима лиценз лицензи
    лято любов министерство обичам обучение потребител пролет софия пловдив варна тайна
    пароль привет любовь солнце
    """
COMMON_WORDS = frozenset(_COMMON.split())


def check_new_password(password: str, *, own_words: Iterable[str] = ()) -> None:
    """Raise :class:`Invalid` on ``new_password`` unless the password may be used.

    ``own_words`` are the login, the address and the names of the holder and the organisation.
    """
    text = unicodedata.normalize("NFKC", password).casefold()
    if len(text) < SHORTEST:
        raise Invalid.field("new_password", "too_short", least=SHORTEST)
    if len(text) > LONGEST:
        raise Invalid.field("new_password", "too_long", most=LONGEST)
    if len(set(text)) < FEWEST_DIFFERENT or _is_made_of(text, COMMON_WORDS):
        raise Invalid.field("new_password", "too_common")
    if _is_made_of(text, COMMON_WORDS | _words(own_words)):
        raise Invalid.field("new_password", "too_personal")


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in DECORATION.split(text.casefold()) if len(word) >= SHORTEST_WORD}


def _is_made_of(text: str, words: Iterable[str]) -> bool:
    by_length = sorted(words, key=len, reverse=True)
    return any(_little_is_left(form, by_length) for form in {text, text.translate(DISGUISES)})


def _little_is_left(text: str, words: list[str]) -> bool:
    rest = text
    for word in words:
        rest = rest.replace(word, " ")
    rest = "".join(_without_runs(rest))
    if rest == text:
        return False
    return len(DECORATION.sub("", rest)) < LEAST_OF_ITS_OWN


def _without_runs(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        length = _run_at(text, position)
        if not length:
            yield text[position]
        position += length or 1


def _run_at(text: str, start: int) -> int:
    """The length of the keyboard or alphabet run that begins here, forwards or backwards; 0 where there is none."""
    end = start + SHORTEST_WORD
    if end > len(text) or not _is_run(text[start:end]):
        return 0
    while end < len(text) and _is_run(text[start : end + 1]):
        end += 1
    return end - start


def _is_run(text: str) -> bool:
    return len(set(text)) == 1 or any(text in run or text[::-1] in run for run in RUNS)
