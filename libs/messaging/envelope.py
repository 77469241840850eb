"""The stamp around an event: CloudEvents 1.0 in binary mode over AMQP 0-9-1.

The body is the bare data as JSON, the attributes are headers named ``cloudEvents_…``. So a stock nameko
``event_handler`` receives the data as its payload, and any CloudEvents reader finds its attributes.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

PREFIX = "cloudEvents_"
SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


class Poison(Exception):
    """A message that can never be handled, however often it is tried; ``reason`` is a stable word."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """An event on its way; ``sequence`` is the version of the sender's aggregate after it."""

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    correlation_id: str
    causation_id: str | None
    sequence: int | None
    data: dict[str, Any]


def body_of(envelope: Envelope) -> bytes:
    """The message body: the event's data alone."""
    return json.dumps(envelope.data, ensure_ascii=False, separators=(",", ":")).encode()


def properties_of(envelope: Envelope) -> dict[str, Any]:
    """AMQP properties with all attributes as headers; persistent."""
    attributes = {
        "specversion": SPEC_VERSION,
        "id": str(envelope.id),
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "sequence": envelope.sequence,
    }
    return {
        "content_type": CONTENT_TYPE,
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "message_id": str(envelope.id),
        "type": envelope.type,
        "app_id": envelope.source,
        "correlation_id": envelope.correlation_id,
        "application_headers": {PREFIX + name: value for name, value in attributes.items() if value is not None},
    }


def read(properties: dict[str, Any], body: bytes) -> Envelope:
    """The envelope of a received message; raises :class:`Poison` where it is none of ours."""
    headers = properties.get("application_headers") or {}
    if properties.get("content_type") != CONTENT_TYPE:
        raise Poison("wrong_content_type")
    if headers.get(PREFIX + "specversion") != SPEC_VERSION:
        raise Poison("no_cloud_event")
    sequence = headers.get(PREFIX + "sequence")
    causation_id = headers.get(PREFIX + "causationid")
    if not (sequence is None or (isinstance(sequence, int) and not isinstance(sequence, bool))):
        raise Poison("wrong_attribute", "sequence")
    return Envelope(
        id=_identifier(headers),
        type=_text(headers, "type"),
        source=_text(headers, "source"),
        subject=_text(headers, "subject"),
        time=_instant(headers),
        correlation_id=_text(headers, "correlationid"),
        causation_id=None if causation_id is None else str(causation_id),
        sequence=sequence,
        data=_data(body),
    )


def _text(headers: dict[str, Any], name: str) -> str:
    value = headers.get(PREFIX + name)
    if not isinstance(value, str) or not value:
        raise Poison("wrong_attribute", name)
    return value


def _identifier(headers: dict[str, Any]) -> UUID:
    try:
        return UUID(_text(headers, "id"))
    except ValueError:
        raise Poison("wrong_attribute", "id") from None


def _instant(headers: dict[str, Any]) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(headers, "time"))
    except ValueError:
        raise Poison("wrong_attribute", "time") from None
    if instant.tzinfo is None:
        raise Poison("wrong_attribute", "time")
    return instant


def _data(body: bytes | str) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Poison("not_json") from None
    if not isinstance(data, dict):
        raise Poison("not_an_object")
    return data
