"""Phone numbers in one form, the push's text, and the circuit breaker."""

import json
from datetime import UTC, datetime

import pytest

from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.wording import describe
from services.mfa.model import in_international_form

AT = datetime(2026, 11, 21, 21, 5, tzinfo=UTC)
PORTAL = {"bg": "Учебен център Пример", "en": "Example Training Centre"}


@pytest.mark.story("MON-05")
@pytest.mark.parametrize(
    "number", ["0888123456", "+359888123456", "00359888123456", "0888 123 456", "+359 (888) 12-34-56"]
)
def test_one_number_in_several_spellings_is_one_number(number: str) -> None:
    assert in_international_form(number, "BG") == "+359888123456"


@pytest.mark.story("MON-04")
def test_different_numbers_stay_different() -> None:
    assert in_international_form("0888123456") != in_international_form("0888123457")


@pytest.mark.parametrize("text", ["", "hello", "12", "+", "0" * 40])
def test_what_is_no_number_has_no_form(text: str) -> None:
    assert in_international_form(text) is None


def test_the_push_names_portal_code_and_local_time() -> None:
    text = describe(PORTAL, "47", AT, language="bg", time_zone="Europe/Sofia")
    assert "Учебен център Пример" in text
    assert "Код: 47" in text
    assert "23:05" in text
    assert "откажете" in text


@pytest.mark.parametrize("language", ["en", "ru", "xx", "../bg"])
def test_a_language_without_words_of_its_own_reads_english(language: str) -> None:
    text = describe(PORTAL, "47", AT, language=language, time_zone="Europe/Sofia")
    assert text.startswith("Example Training Centre: sign-in")


def test_a_dollar_in_the_portal_s_name_is_no_placeholder() -> None:
    assert "Портал $code" in describe({"bg": "Портал $code"}, "47", AT, language="bg", time_zone="Europe/Sofia")


def test_the_description_s_escapes_are_ascii() -> None:
    text = describe(PORTAL, "47", AT, language="bg", time_zone="Europe/Sofia")
    assert json.dumps({"description": text}).isascii()


class Hands:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_circuit_opens_after_failures_in_a_row_and_tries_one_call_after_its_rest() -> None:
    hands = Hands()
    circuit = Circuit(limit=3, rest=10, clock=hands)
    opened = []
    for _ in range(3):
        assert circuit.lets_through()
        opened.append(circuit.failed())
    assert opened == [False, False, True]
    assert circuit.is_open
    assert not circuit.lets_through()
    hands.now = 10.0
    assert [circuit.lets_through(), circuit.lets_through()] == [True, False]
    assert circuit.failed() is False, "it was open before"
    assert not circuit.lets_through()
    hands.now = 20.0
    assert circuit.lets_through()
    assert circuit.succeeded() is True
    assert circuit.succeeded() is False
    assert not circuit.is_open
    assert circuit.lets_through()


def test_a_success_between_failures_keeps_the_circuit_closed() -> None:
    circuit = Circuit(limit=2)
    for _ in range(5):
        circuit.failed()
        circuit.succeeded()
    assert circuit.lets_through()
