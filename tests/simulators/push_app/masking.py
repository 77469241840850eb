"""Hides personal data in what is remembered of requests."""

from __future__ import annotations

import json
from typing import Any

PERSONAL = frozenset({"phone", "email", "identificationNumber"})


def masked(raw: bytes) -> Any:
    """The body with personal fields reduced to their last two characters; unreadable bodies only by their length."""
    try:
        return _mask(json.loads(raw))
    except ValueError:
        return {"unreadable_bytes": len(raw)}


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _last_two(item) if key in PERSONAL else _mask(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item) for item in value]
    return value


def _last_two(value: Any) -> str:
    text = str(value)
    return "*" * max(len(text) - 2, 0) + text[-2:]
