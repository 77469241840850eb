"""A test is marked by what a person saw, in the order in which that person saw it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.certificates import Answer
from libs.contracts.errors import Invalid
from services.certificates.model.examination import Question, grade

SEED = UUID("0193a0c0-0000-7000-8000-000000000001")


def questions(count: int, choices: int = 4) -> list[Question]:
    return [
        Question(
            id=f"q{number}",
            text={"bg": "Въпрос?", "en": "Question?"},
            choices=[{"bg": f"избор {n}", "en": f"choice {n}"} for n in range(choices)],
        )
        for number in range(1, count + 1)
    ]


def answers(asked: list[Question], right: set[str], seed: UUID = SEED) -> list[Answer]:
    return [Answer(question_id=one.id, choice=one.order(seed).index(0 if one.id in right else 1)) for one in asked]


@given(st.integers(1, 12), st.data(), st.uuids())
def test_the_score_is_the_share_of_right_answers_rounded_down(count: int, data: st.DataObject, seed: UUID) -> None:
    asked = questions(count)
    right = data.draw(st.sets(st.sampled_from([one.id for one in asked])))
    marked = grade(asked, answers(asked, right, seed), seed)
    assert marked.score == 100 * len(right) // count
    assert marked.wrong == [one.id for one in asked if one.id not in right]


@given(st.uuids(), st.integers(2, 8))
def test_every_choice_is_shown_once_in_an_order_that_stays(seed: UUID, choices: int) -> None:
    (question,) = questions(1, choices)
    assert sorted(question.order(seed)) == list(range(choices))
    assert question.shown(seed) == [question.choices[n] for n in question.order(seed)]


def test_neighbours_see_the_right_choice_at_different_places() -> None:
    (question,) = questions(1)
    assert {question.order(uuid4()).index(0) for _ in range(200)} == {0, 1, 2, 3}


def test_the_order_in_which_answers_arrive_does_not_matter() -> None:
    asked = questions(3)
    given_answers = answers(asked, {"q1", "q3"})
    assert grade(asked, given_answers, SEED) == grade(asked, given_answers[::-1], SEED)


@pytest.mark.parametrize(
    ("given_answers", "fault"),
    [
        ([], ("answers.q1", "required")),
        ([Answer(question_id="q1", choice=4)], ("answers.0.choice", "not_a_choice")),
        ([Answer(question_id="q2", choice=0)], ("answers.0.question_id", "unknown_question")),
        ([Answer(question_id="q1", choice=0)] * 2, ("answers.1.question_id", "repeated")),
    ],
)
def test_an_incomplete_or_strange_answer_is_refused_by_name(
    given_answers: list[Answer], fault: tuple[str, str]
) -> None:
    with pytest.raises(Invalid) as refused:
        grade(questions(1), given_answers, SEED)
    assert fault in [(one.field, one.code) for one in refused.value.faults]
