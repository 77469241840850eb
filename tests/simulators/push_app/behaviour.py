"""What a test may change about the provider: shapes, windows, callbacks and faults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """The provider's manners; the defaults are those of a good day."""

    flag_style: Literal["integer", "boolean"] = "integer"
    key_set: Literal["2025", "1.0.154"] = "2025"
    transaction_id_style: Literal["string", "integer"] = "string"
    extra_keys: bool = False
    unknown_seconds: float = 0.0  # a fresh transaction answers 443 for so long
    processing_seconds: float = 0.0  # status 2 carries isProcessing=1 for so long
    isolated_phones: tuple[str, ...] = ()  # pushes to these numbers become undeliverable (7)
    answer_seconds: float = 0.0  # every right answer comes so late
    callback_lost: bool = False
    callback_delay_seconds: float = 0.0
    callback_copies: int = 1
    callback_transaction_id_style: Literal["string", "integer"] = "string"
    callback_out_of_order: bool = False  # a stale "pending" follows the final status
    callback_retries: int = 0

    def changed(self, changes: dict[str, Any]) -> Behaviour:
        """A copy with the given fields; raises ValueError for a field that does not exist."""
        unknown = set(changes) - {field.name for field in fields(self)}
        if unknown:
            raise ValueError(f"unknown behaviour: {', '.join(sorted(unknown))}")
        if "isolated_phones" in changes:
            changes = {**changes, "isolated_phones": tuple(changes["isolated_phones"])}
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)

    def flag(self, value: bool) -> bool | int:
        """A yes or no in the style asked for."""
        return value if self.flag_style == "boolean" else int(value)

    def transaction_id(self, transaction_id: str) -> str | int:
        """A transaction's id in the style asked for."""
        return int(transaction_id) if self.transaction_id_style == "integer" else transaction_id

    def callback_transaction_id(self, transaction_id: str) -> str | int:
        """A transaction's id in the style callbacks use."""
        return int(transaction_id) if self.callback_transaction_id_style == "integer" else transaction_id


@dataclass(kw_only=True)
class Fault:
    """One planned failure: which path, how often, and whether the deed is done before the answer goes wrong."""

    path: str = ""  # part of the address, e.g. "/document/status"; empty: every address
    times: int = 1  # -1: until removed
    status: int = 503
    body: str = "Service Unavailable"
    content_type: str = "text/plain"
    delay_seconds: float = 0.0  # waits before it answers: longer than the caller's patience is a timeout
    after: bool = False  # the deed is done first, only its answer is lost

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fault:
        """Reads a planned failure; raises ValueError for a field that does not exist."""
        unknown = set(data) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fault field: {', '.join(sorted(unknown))}")
        return cls(**data)

    def fits(self, path: str) -> bool:
        """Whether it is this request's turn to fail."""
        return self.times != 0 and self.path in path
