"""A training checks its own state, whatever is tried and in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import Conflict, NotFound
from services.certificates.model import Certificate, EnrolledModule, Enrolment

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
CODES = ("a", "b", "c")


def an_enrolment(*codes: str) -> Enrolment:
    return Enrolment(
        id=uuid4(),
        account_id=uuid4(),
        organisation_id=uuid4(),
        sku="t",
        training_sku="t",
        training={"bg": "Обучение", "en": "Training"},
        state="assigned",
        assigned_at=NOW,
        valid_until=date(2027, 1, 31),
        modules=[
            EnrolledModule(position=position, code=code, name={"bg": code}, minutes=60, tries=0)
            for position, code in enumerate(codes or CODES)
        ],
    )


def sit(enrolment: Enrolment, code: str, score: int, today: date = TODAY) -> None:
    enrolment.sit(code, score, pass_mark=80, source="test", answers={}, now=NOW, today=today)


def told(enrolment: Enrolment) -> list[str]:
    return [type(event).__name__ for event, _ in enrolment.__dict__.get("_recorded", ())]


@given(st.lists(st.tuples(st.sampled_from(CODES), st.integers(0, 100)), max_size=25))
def test_a_training_is_passed_exactly_when_each_module_once_reached_the_mark(tries: list[tuple[str, int]]) -> None:
    enrolment = an_enrolment()
    for code, score in tries:
        sit(enrolment, code, score)
    reached = {code for code, score in tries if score >= 80}
    assert {module.code for module in enrolment.modules if module.passed_at} == reached
    assert (enrolment.state == "passed") == (reached == set(CODES))
    assert told(enrolment).count("ModulePassed") == len(reached)
    assert told(enrolment).count("TrainingPassed") == (reached == set(CODES))
    assert told(enrolment).count("TrainingBegun") == bool(tries)
    for module in enrolment.modules:
        scores = [score for code, score in tries if code == module.code]
        assert module.score == (max(scores) if scores else None)
        assert [one.number for one in module.attempts] == list(range(1, len(scores) + 1))


@pytest.mark.parametrize(("score", "state"), [(79, "failed"), (80, "passed"), (100, "passed"), (0, "failed")])
def test_the_pass_mark_itself_passes(score: int, state: str) -> None:
    enrolment = an_enrolment()
    sit(enrolment, "a", score)
    assert enrolment.module("a").state == state


def test_the_next_module_is_the_one_behind_then_the_first_that_is_left() -> None:
    enrolment = an_enrolment("a", "b", "c", "d")
    sit(enrolment, "c", 100)
    assert [enrolment.after(code) for code in "abcd"] == ["b", "d", "d", "a"]
    for code in "abd":
        sit(enrolment, code, 100)
    assert enrolment.after("a") is None


def test_a_withdrawn_training_is_gone_and_tells_nothing() -> None:
    enrolment = an_enrolment()
    enrolment.withdraw(NOW)
    with pytest.raises(NotFound):
        sit(enrolment, "a", 100)
    with pytest.raises(NotFound):
        enrolment.read("a", uuid4(), now=NOW, today=TODAY)
    assert told(enrolment) == []


def test_what_is_passed_cannot_be_withdrawn_and_may_still_be_read() -> None:
    enrolment = an_enrolment("a")
    sit(enrolment, "a", 90)
    enrolment.withdraw(NOW)
    assert enrolment.state == "passed"
    enrolment.read("a", uuid4(), now=NOW, today=date(2030, 1, 1))
    assert enrolment.module("a").state == "passed"


@pytest.mark.parametrize(("today", "allowed"), [(date(2027, 1, 31), True), (date(2027, 2, 1), False)])
def test_the_last_day_is_still_a_day_to_learn(today: date, allowed: bool) -> None:
    enrolment = an_enrolment()
    if allowed:
        enrolment.read("a", uuid4(), now=NOW, today=today)
        return
    with pytest.raises(Conflict, match="training_expired"):
        enrolment.read("a", uuid4(), now=NOW, today=today)
    assert enrolment.state == "assigned"


def test_a_module_keeps_the_text_it_was_opened_with() -> None:
    enrolment = an_enrolment()
    first = uuid4()
    enrolment.read("a", first, now=NOW, today=TODAY)
    enrolment.read("a", uuid4(), now=NOW, today=TODAY)
    assert enrolment.module("a").text_id == first


def test_an_unfinished_training_gets_no_certificate() -> None:
    with pytest.raises(Conflict, match="training_not_passed"):
        Certificate.issue(an_enrolment(), "C26-000001-X", now=NOW)


def test_a_certificate_not_yet_printed_cannot_be_revoked() -> None:
    enrolment = an_enrolment("a")
    sit(enrolment, "a", 100)
    certificate = Certificate.issue(enrolment, "C26-000001-X", now=NOW)
    certificate.state = "issuing"
    with pytest.raises(Conflict, match="not_issued_yet"):
        certificate.revoke("fraud", by=uuid4(), now=NOW)
