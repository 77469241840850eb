"""Makes the example of a contract's released shape: ``python -m tests.contract.examples_of`` writes what is missing.

An example that exists is never written again: it stands for messages that are already in somebody's queue.
"""

import importlib
import json
import pkgutil
import sys
import types
import typing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin
from uuid import UUID

import libs.contracts
from libs.contracts.base import EVENTS, Event, dump, fields_of

EXAMPLES = Path(__file__).parent / "examples"

VALUES: dict[Any, Any] = {
    str: "текст",
    int: 1,
    bool: True,
    Decimal: Decimal("48.00"),
    UUID: UUID("0193f1c8-0000-7000-8000-000000000001"),
    datetime: datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
    date: date(2026, 12, 5),
}


def all_events() -> dict[str, type[Event]]:
    """Every event of the published language by its wire name."""
    for module in pkgutil.iter_modules(libs.contracts.__path__):
        importlib.import_module(f"libs.contracts.{module.name}")
    return {name: cls for name, cls in EVENTS.items() if cls.__module__.startswith("libs.contracts.")}


def value_of(annotation: Any) -> Any:
    """A fixed value of a field's type, every optional field filled."""
    if annotation in VALUES:
        return VALUES[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is list:
        return [value_of(args[0])]
    if origin is dict:
        return {"bg": value_of(args[1])}
    if origin in (types.UnionType, typing.Union):
        return value_of(next(arg for arg in args if arg is not types.NoneType))
    return example_of(annotation)


def example_of(cls: type[Any]) -> Any:
    """A whole object of a contract; a currency and the like keep their defaults."""
    return cls(**{name: "EUR" if name == "currency" else value_of(kind) for name, kind in fields_of(cls).items()})


def main() -> int:
    """Write the examples that are missing."""
    for name, cls in all_events().items():
        path = EXAMPLES / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(dump(example_of(cls)), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
