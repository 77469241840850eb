"""The short test after a module: questions, the order in which a person sees the choices, the score."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.contracts.base import LocalText
from libs.contracts.certificates import Answer
from libs.contracts.errors import Fault, Invalid


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A score in percent, rounded down, and the questions answered wrongly."""

    score: int
    wrong: list[str]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with its choices; as stored, the first choice is the right one."""

    id: str
    text: LocalText
    choices: list[LocalText]

    @classmethod
    def read_all(cls, stored: Iterable[dict[str, Any]]) -> "list[Question]":
        """The questions of a stored test."""
        return [cls(id=one["id"], text=one["text"], choices=one["choices"]) for one in stored]

    def order(self, seed: UUID) -> list[int]:
        """The order of the choices for one person, the same at every look and different from the neighbour's."""
        return sorted(range(len(self.choices)), key=lambda n: sha256(f"{seed}/{self.id}/{n}".encode()).digest())

    def shown(self, seed: UUID) -> list[LocalText]:
        """The choices in the order of :meth:`order`."""
        return [self.choices[n] for n in self.order(seed)]


def grade(questions: Sequence[Question], answers: Sequence[Answer], seed: UUID) -> Grade:
    """Mark the answers; raises :class:`Invalid` unless every question is answered exactly once with a choice it has."""
    if faults := list(_faults(questions, answers)):
        raise Invalid(faults=faults)
    chosen = {answer.question_id: answer.choice for answer in answers}
    wrong = [question.id for question in questions if question.order(seed)[chosen[question.id]] != 0]
    return Grade(score=100 * (len(questions) - len(wrong)) // len(questions), wrong=wrong)


def _faults(questions: Sequence[Question], answers: Sequence[Answer]) -> Iterator[Fault]:
    known = {question.id: question for question in questions}
    answered: set[str] = set()
    for index, answer in enumerate(answers):
        if answer.question_id not in known:
            yield Fault(field=f"answers.{index}.question_id", code="unknown_question")
        elif answer.question_id in answered:
            yield Fault(field=f"answers.{index}.question_id", code="repeated")
        elif answer.choice >= len(known[answer.question_id].choices):
            yield Fault(field=f"answers.{index}.choice", code="not_a_choice")
        answered.add(answer.question_id)
    for question_id in (one for one in known if one not in answered):
        yield Fault(field=f"answers.{question_id}", code="required")
