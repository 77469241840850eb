"""The impatient user's judgement of what was answered."""

from __future__ import annotations

import pytest

from tests.faults.prober import Look, Prober


def judged(*looks: Look, refused: bool = False) -> None:
    prober = Prober("http://127.0.0.1:1", [], "")
    prober.looks.extend(looks)
    prober.check(longest=5.0, refused=refused)


def a_look(status: int = 200, seconds: float = 0.1, retry_after: str = "") -> Look:
    return Look(path="/me", status=status, seconds=seconds, retry_after=retry_after)


def test_good_answers_and_refusals_with_a_time_are_fine() -> None:
    judged(a_look(), a_look(503, 5.0, "2"), refused=True)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (a_look(500), "accident"),
        (a_look(0), "cut off"),
        (a_look(503), "Retry-After"),
        (a_look(200, seconds=5.1), "longer than 5 s"),
    ],
    ids=["500", "no answer", "503 without a time", "late"],
)
def test_one_bad_answer_is_enough(look: Look, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        judged(*[a_look()] * 50, look)


def test_a_fault_that_nobody_noticed_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="nobody noticed"):
        judged(a_look(), refused=True)
