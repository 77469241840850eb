"""The one table from errors to answers is complete."""

import pytest
from flask import Flask
from flask_babel import Babel

from gateway import errors, faults
from libs.contracts import errors as contract
from libs.contracts.errors import FAMILY, Conflict, Fault, Invalid, RateLimited, ServiceError


def every_kind() -> set[str]:
    """The kinds of all errors there are, found by looking at the classes themselves."""
    kinds, waiting = set(), [ServiceError]
    while waiting:
        cls = waiting.pop()
        kinds.add(cls.KIND)
        waiting += cls.__subclasses__()
    return kinds


def test_every_kind_of_error_has_its_answer_and_nothing_else_has() -> None:
    assert set(errors.ANSWERS) == every_kind() == set(FAMILY)


def test_the_statuses_are_those_that_the_contract_states() -> None:
    assert {kind: answer.status for kind, answer in errors.ANSWERS.items()} == {k: e.STATUS for k, e in FAMILY.items()}


def test_an_error_nobody_knows_would_be_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(errors.ANSWERS, "conflict")
    assert set(errors.ANSWERS) != every_kind()


def test_every_kind_has_a_sentence_of_its_own() -> None:
    missing = [
        error.CODE for error in FAMILY.values() if error.CODE not in faults.SENTENCES and error.KIND != "internal"
    ]
    assert missing == []


@pytest.fixture
def app() -> Flask:
    """A bare application: tables need no portal."""
    bare = Flask(__name__)
    Babel(bare)
    return bare


def test_a_problem_names_code_faults_and_when_to_come_back(app: Flask) -> None:
    with app.test_request_context("/api/v1/x"):
        fault = Fault(field="lines.0.quantity", code="out_of_range", params={"most": 10})
        answer = errors.problem(Invalid("invalid", faults=[fault]))
        assert answer.status_code == 422
        assert answer.mimetype == "application/problem+json"
        assert answer.json is not None
        assert answer.json["faults"][0] == {
            "field": "lines.0.quantity",
            "code": "out_of_range",
            "params": {"most": 10},
            "detail": "This value is too small or too large.",
        }
        assert errors.problem(RateLimited(retry_after=7)).headers["Retry-After"] == "7"


def test_no_code_is_shown_to_people(app: Flask) -> None:
    with app.test_request_context():
        assert faults.sentence("never_heard_of") == "This is not valid."
        assert faults.sentence_of(Conflict("never_heard_of", "The seat is taken.")) == "The seat is taken."


def test_the_family_of_the_contract_is_what_these_tests_look_at() -> None:
    assert contract.FAMILY["invalid"] is Invalid
