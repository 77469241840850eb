"""From a message among the dead to a row of ``dead_letters``, and from the row to a message again.

Anything at all may lie there: what has no properties, what is no text, headers of every type. All of it can be kept.
Of a request only its outline is: its body may hold a password, and nobody waits for its answer any more.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from libs.messaging.consumer import ATTEMPT, DIED_AT, ERROR, HANDLER, REASON
from libs.messaging.envelope import PREFIX
from libs.messaging.link import Delivery
from libs.messaging.topology import DELIVERY_LIMIT

BODY_LIMIT = 1024 * 1024
"""Longer bodies are kept to this length, for looking; they cannot be replayed."""

NOT_KEPT = "–"
_DEPTH = 20
_PLAIN_FLOAT = 1e15
_BROKERS_OWN = ("x-death", "x-first-death", "x-last-death", "x-delivery-count", "x-acquired-count")
_OF_ITS_DEATH = (ATTEMPT, ERROR, HANDLER, REASON, DIED_AT)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is known of one death; ``death`` is the same text whenever the same death is reported."""

    values: dict[str, Any]
    death: str | None
    died_at: datetime


def of_event(queue: str, delivery: Delivery, now: datetime) -> Letter:
    """The letter of an event that a service has given up on; ``queue`` is where it goes when it is replayed."""
    headers, properties = delivery.headers, delivery.properties
    brokers = _brokers_word(headers)
    died_at, death = _death(headers, brokers, now)
    reason = headers.get(REASON) or brokers.get("reason") or ("damaged_properties" if delivery.damaged else "unknown")
    message_id = _clean(properties.get("message_id", ""), 200)
    stamp = sorted((str(name), repr(value)) for name, value in headers.items() if str(name).startswith(PREFIX))
    whole = len(delivery.body) <= BODY_LIMIT
    digest = hashlib.sha256(delivery.body).hexdigest()
    kept = {name: value for name, value in properties.items() if name not in ("application_headers", "user_id")}
    values = {
        "id": _identity(queue, message_id, digest, str(properties.get("content_type")), repr(stamp)),
        "queue": queue,
        "message_id": message_id,
        "event_id": _event_id(headers.get(PREFIX + "id")),
        "type": _clean(headers.get(PREFIX + "type") or properties.get("type", ""), 200),
        "subject": _clean(headers.get(PREFIX + "subject", ""), 200),
        "reason": _clean(reason, 200),
        "error": _clean(headers.get(ERROR, ""), 2000),
        "handler": _clean(headers.get(HANDLER, ""), 200),
        "attempts": _tries(headers, brokers),
        "body": delivery.body[:BODY_LIMIT],
        "size": len(delivery.body),
        "sha256": digest,
        "properties": pack(kept),
        "headers": pack(headers),
        "replayable": whole and not delivery.damaged,
    }
    return Letter(values=values, death=death, died_at=died_at)


def of_request(queue: str, delivery: Delivery, now: datetime) -> Letter:
    """The letter of a request: a note that the rim left, or the request itself where the broker moved it here."""
    headers = delivery.headers
    brokers = _brokers_word(headers)
    died_at, death = _death(headers, brokers, now)
    note = {} if brokers else _note(delivery.body)
    message_id = _clean(delivery.properties.get("message_id", ""), 200)
    reason = note.get("reason") or headers.get(REASON) or brokers.get("reason") or "unknown"
    method = note.get("routing_key") or _first(brokers.get("routing-keys")) or ""
    digest = note.get("sha256") or hashlib.sha256(delivery.body).hexdigest()
    deliveries = note.get("deliveries")
    size = note.get("size") if isinstance(note.get("size"), int) else len(delivery.body)
    properties = note.get("properties") or {
        name: NOT_KEPT for name in delivery.properties if name != "application_headers"
    }
    values = {
        # the same request again and again is one letter, however many of it come
        "id": _identity(queue, str(reason), str(method), str(digest)),
        "queue": queue,
        "message_id": message_id,
        "event_id": None,
        "type": _clean(method, 200),
        "subject": "",
        "reason": _clean(reason, 200),
        "error": _clean(headers.get(ERROR, ""), 2000),
        "handler": "",
        "attempts": deliveries if isinstance(deliveries, int) and deliveries > 0 else 1,
        "body": None,
        "size": size,
        "sha256": _clean(digest, 64),
        "properties": pack(properties),
        "headers": dict.fromkeys((_clean(name, 200) for name in note.get("headers") or headers), NOT_KEPT),
        "replayable": False,
    }
    return Letter(values=values, death=death or message_id or None, died_at=died_at)


def properties_for_replay(properties: dict[str, Any], headers: dict[str, Any], letter_id: UUID) -> dict[str, Any]:
    """The properties with which a letter is published once more: as it was before it died, its attempts uncounted."""
    again = {name: value for name, value in unpack(properties).items() if name not in ("user_id", "expiration")}
    again.setdefault("message_id", str(letter_id))
    left_out = (*_BROKERS_OWN, *_OF_ITS_DEATH)
    kept = {name: value for name, value in unpack(headers).items() if not str(name).startswith(left_out)}
    return {**again, "delivery_mode": 2, "application_headers": kept}


def pack(value: Any, depth: int = 0) -> Any:
    """A JSON form of anything that a header can hold; :func:`unpack` gives it back with its type."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value if _is_clean(value) else {"$text": _base64(value.encode("utf-8", "surrogatepass"))}
    if isinstance(value, float):
        # PostgreSQL's JSON has no exponents: what is written with one would come back as an integer
        return value if abs(value) < _PLAIN_FLOAT else {"$float": repr(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": _base64(bytes(value))}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if depth < _DEPTH and isinstance(value, dict):
        if any(not isinstance(name, str) or name.startswith("$") or not _is_clean(name) for name in value):
            return {"$pairs": [[pack(str(name)), pack(inner, depth + 1)] for name, inner in value.items()]}
        return {name: pack(inner, depth + 1) for name, inner in value.items()}
    if depth < _DEPTH and isinstance(value, list | tuple):
        return [pack(inner, depth + 1) for inner in value]
    return {"$other": _clean(repr(value), 1000)}


def unpack(value: Any) -> Any:
    """What :func:`pack` was given; what it could not keep comes back as the text of it."""
    if isinstance(value, list):
        return [unpack(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (name := next(iter(value))) in _UNPACK:
        return _UNPACK[name](value[name])
    return {name: unpack(inner) for name, inner in value.items()}


_UNPACK: dict[str, Any] = {
    "$text": lambda kept: base64.b64decode(kept).decode("utf-8", "surrogatepass"),
    "$float": float,
    "$bytes": base64.b64decode,
    "$time": datetime.fromisoformat,
    "$decimal": Decimal,
    "$pairs": lambda kept: {unpack(name): unpack(inner) for name, inner in kept},
    "$other": str,
}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _is_clean(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _clean(value: Any, limit: int) -> str:
    """A text that a database can keep."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text[:limit].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _identity(*parts: str) -> UUID:
    return uuid5(NAMESPACE_OID, json.dumps(parts))


def _event_id(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None


def _brokers_word(headers: dict[str, Any]) -> dict[str, Any]:
    """What the broker says of the last death, where it was the broker that moved the message."""
    deaths = headers.get("x-death")
    if REASON in headers or not isinstance(deaths, list) or not deaths or not isinstance(deaths[0], dict):
        return {}
    return deaths[0]


def _death(headers: dict[str, Any], brokers: dict[str, Any], now: datetime) -> tuple[datetime, str | None]:
    if isinstance(told := headers.get(DIED_AT), str):
        try:
            died_at = datetime.fromisoformat(told)
        except ValueError:
            return now, None
        return (died_at, told) if died_at.tzinfo else (now, None)
    if isinstance(when := brokers.get("time"), datetime):
        died_at = when if when.tzinfo else when.replace(tzinfo=UTC)
        return died_at, f"{died_at.isoformat()} {brokers.get('count')}"
    return now, None


def _tries(headers: dict[str, Any], brokers: dict[str, Any]) -> int:
    attempt = headers.get(ATTEMPT)
    before = attempt if isinstance(attempt, int) and 0 <= attempt < 1_000_000 else 0
    return before + (DELIVERY_LIMIT if brokers.get("reason") == "delivery_limit" else 1)


def _note(body: bytes) -> dict[str, Any]:
    try:
        note = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) and isinstance(note.get("reason"), str) else {}


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None
