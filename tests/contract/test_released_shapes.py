"""Messages already in somebody's queue must stay readable: released shapes only grow by optional fields."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.base import Event, contract, fields_of, load
from libs.contracts.errors import Invalid
from tests.contract.examples_of import EXAMPLES, all_events

EXAMPLE_FILES = sorted(EXAMPLES.glob("*.json"))


def check_shape(cls: type[Any], example: Any) -> list[str]:
    """What of a released example the present class no longer understands."""
    try:
        load(cls, example)
    except Invalid as refusal:
        return [f"{fault.field}: {fault.code}" for fault in refusal.faults]
    return [f"{name}: removed" for name in example if name not in fields_of(cls)]


def test_every_event_has_the_example_of_its_released_shape() -> None:
    assert {path.stem for path in EXAMPLE_FILES} == set(all_events())


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_a_released_example_is_still_understood(path: Path) -> None:
    example = json.loads(path.read_text(encoding="utf-8"))
    assert check_shape(all_events()[path.stem], example) == []


def test_a_new_required_field_is_noticed() -> None:
    @contract
    class Grown(Event):
        order_id: UUID
        colour: str

    assert check_shape(Grown, {"order_id": "0193f1c8-0000-7000-8000-000000000001"}) == ["colour: required"]


def test_a_removed_field_is_noticed() -> None:
    @contract
    class Shrunk(Event):
        order_id: UUID

    example = {"order_id": "0193f1c8-0000-7000-8000-000000000001", "number": "2026-000147"}
    assert check_shape(Shrunk, example) == ["number: removed"]


def test_wire_names_follow_one_grammar() -> None:
    for name, cls in all_events().items():
        service, what, version = name.split(".")
        assert cls.__module__ == f"libs.contracts.{service}"
        assert "".join(part.capitalize() for part in what.split("_")) == cls.__name__
        assert version.startswith("v")
        assert cls.SUBJECT in fields_of(cls)
