"""The wire form of requests and errors, read without a broker."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.contracts.base import contract
from libs.contracts.errors import Conflict, from_wire
from libs.messaging.answering import Malformed, encode, error_to_wire, read_request
from libs.messaging.remembering import digest_of

BODY = json.dumps({"args": [], "kwargs": {"request": {"id": 1}}}).encode()


def test_a_request_is_read_with_its_headers() -> None:
    request = read_request(
        "orders.place_order",
        {
            "nameko.principal": "token",
            "nameko.correlation_id": "trace-1",
            "nameko.command_id": "command-1",
            "nameko.deadline": "2026-11-01T10:30:00+02:00",
            "nameko.call_id_stack": 5,
        },
        BODY,
    )

    assert (request.method, request.kwargs) == ("place_order", {"request": {"id": 1}})
    assert (request.principal, request.correlation_id, request.command_id) == ("token", "trace-1", "command-1")
    assert request.deadline == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("trace", ["x" * 101, "two words", "line\nbreak", "<script>"])
def test_a_correlation_id_that_could_spoil_a_log_is_dropped(trace: str) -> None:
    assert read_request("orders.x", {"nameko.correlation_id": trace}, BODY).correlation_id is None


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, b"{", "not_json"),
        ({}, b"[" * 100_000, "not_json"),
        ({}, b"\xff", "not_json"),
        ({}, b"[]", "no_arguments"),
        ({}, b'{"args": [1], "kwargs": {}}', "no_arguments"),
        ({}, b'{"args": [], "kwargs": []}', "no_arguments"),
        ({"nameko.principal": 7}, BODY, "wrong_header_principal"),
        ({"nameko.command_id": ["a"]}, BODY, "wrong_header_command_id"),
        ({"nameko.deadline": "soon"}, BODY, "wrong_header_deadline"),
        ({"nameko.deadline": "2026-11-01T10:30:00"}, BODY, "wrong_header_deadline"),
    ],
)
def test_a_request_that_cannot_be_read_is_malformed(headers: dict[str, Any], body: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read_request("orders.place_order", headers, body)


def test_two_requests_have_one_digest_when_only_the_order_of_their_fields_differs() -> None:
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of({"a": 1, "b": [1, 2]}) != digest_of({"a": 1, "b": [2, 1]})


@contract
class Told:
    """An answer."""

    text: str


def test_answers_are_written_as_json() -> None:
    assert encode(None) is None
    assert encode(Told(text="да")) == {"text": "да"}
    assert encode([Told(text="a"), None]) == [{"text": "a"}, None]


def test_an_error_crosses_the_wire_by_its_code() -> None:
    wire = json.loads(json.dumps(error_to_wire(Conflict("not_enough_seats", params={"available": 2}))))

    assert (wire["exc_type"], wire["exc_path"]) == ("Conflict", "")
    error = from_wire(wire["value"])
    assert isinstance(error, Conflict)
    assert (error.code, error.params) == ("not_enough_seats", {"available": 2})
