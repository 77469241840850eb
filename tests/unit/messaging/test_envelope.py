"""The stamp around an event, written and read without a broker."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.messaging import envelope
from libs.messaging.envelope import Envelope, Poison

STAMP = Envelope(
    id=UUID("0193b0a0-0000-7000-8000-000000000001"),
    type="orders.order_paid.v1",
    source="orders",
    subject="0193b0a0-0000-7000-8000-000000000002",
    time=datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
    correlation_id="trace-1",
    causation_id=None,
    sequence=4,
    data={"name": "Под игото"},
)


def test_what_is_written_is_read_again() -> None:
    assert envelope.read(envelope.properties_of(STAMP), envelope.body_of(STAMP)) == STAMP


def test_an_event_without_sequence_has_no_such_header() -> None:
    bare = Envelope(**{**vars(STAMP), "sequence": None, "causation_id": "cause-1"})

    assert "cloudEvents_sequence" not in envelope.properties_of(bare)["application_headers"]
    assert envelope.read(envelope.properties_of(bare), envelope.body_of(bare)) == bare


def test_the_attributes_stand_under_the_names_of_cloudevents() -> None:
    properties = envelope.properties_of(STAMP)

    assert properties["application_headers"] == {
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": "0193b0a0-0000-7000-8000-000000000001",
        "cloudEvents_type": "orders.order_paid.v1",
        "cloudEvents_source": "orders",
        "cloudEvents_subject": "0193b0a0-0000-7000-8000-000000000002",
        "cloudEvents_time": "2026-11-01T10:30:00Z",
        "cloudEvents_correlationid": "trace-1",
        "cloudEvents_sequence": 4,
    }
    assert (properties["content_type"], properties["delivery_mode"]) == ("application/json", 2)
    assert envelope.body_of(STAMP).decode() == '{"name":"Под игото"}'


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content_type": "text/plain"}, "wrong_content_type"),
        ({"cloudEvents_specversion": "0.3"}, "no_cloud_event"),
        ({"cloudEvents_id": "17"}, "wrong_attribute"),
        ({"cloudEvents_type": ""}, "wrong_attribute"),
        ({"cloudEvents_subject": 5}, "wrong_attribute"),
        ({"cloudEvents_correlationid": None}, "wrong_attribute"),
        ({"cloudEvents_time": "noon"}, "wrong_attribute"),
        ({"cloudEvents_time": "2026-11-01T10:30:00"}, "wrong_attribute"),
        ({"cloudEvents_sequence": True}, "wrong_attribute"),
        ({"cloudEvents_sequence": "4"}, "wrong_attribute"),
    ],
)
def test_a_message_that_is_none_of_ours_is_poison(change: dict[str, Any], reason: str) -> None:
    properties = envelope.properties_of(STAMP)
    for name, value in change.items():
        (properties if name == "content_type" else properties["application_headers"])[name] = value

    with pytest.raises(Poison) as caught:
        envelope.read(properties, b"{}")

    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[1]", b'"text"'])
def test_a_body_that_is_no_json_object_is_poison(body: bytes) -> None:
    with pytest.raises(Poison, match=r"not_json|not_an_object"):
        envelope.read(envelope.properties_of(STAMP), body)
