"""What people and programs are told when there are too many of them at once."""

import pytest

from gateway import rows
from tests.portal.support import Portal

TOO_LONG = 5.0


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request has waited long for its thread."""
    monkeypatch.setattr("gateway.admission.waited", lambda: TOO_LONG)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "This page tries again by itself."), ("bg", "Страницата ще опита отново сама.")],
)
def test_a_page_says_so_in_the_readers_language_and_tries_again(portal: Portal, language: str, sentence: str) -> None:
    client = portal.app.test_client()
    client.set_cookie("language", language)
    answer = client.get("/")
    assert answer.status_code == 503
    assert sentence in answer.text
    assert 3 <= int(answer.headers["Retry-After"]) <= 6
    assert answer.headers["Refresh"] == answer.headers["Retry-After"]


def test_who_was_signed_in_costs_no_question(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(portal.identity, "authenticate", asked.append)
    client = portal.app.test_client()
    client.set_cookie("session", "a" * 43)
    assert client.get("/home").status_code == 503
    assert asked == []


def test_a_form_is_not_sent_again_by_itself(portal: Portal) -> None:
    answer = portal.app.test_client().post("/sign-in", data={"login": "x"})
    assert answer.status_code == 503
    assert "Refresh" not in answer.headers
    assert 3 <= int(answer.headers["Retry-After"]) <= 6


def test_a_program_gets_a_problem_that_says_when_to_come_back(portal: Portal) -> None:
    answer = portal.app.test_client().get("/api/v1/products")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json is not None
    assert answer.json["code"] == "too_busy"
    assert 3 <= int(answer.headers["Retry-After"]) <= 6


def test_probes_are_answered_all_the_same(portal: Portal) -> None:
    assert portal.app.test_client().get("/healthz").status_code == 200


def test_who_waited_no_longer_than_allowed_is_served(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admission.waited", rows.waited)
    rows.note_wait(0.9)
    try:
        assert portal.app.test_client().get("/").status_code == 200
    finally:
        rows.note_wait(0.0)
