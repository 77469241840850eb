"""What every contract promises at its rim."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from libs.contracts.base import Money, between, bounded, contract, dump, load, strict_schema_of
from libs.contracts.errors import FAMILY, Conflict, Fault, Internal, Invalid, from_wire, to_wire


@contract
class Crate:
    sku: str = bounded(20, least=1)
    quantity: int = between(1, 1000)


@contract
class Shipment:
    id: UUID
    crates: list[Crate] = bounded(3, least=1)
    price: Money | None = None
    due_on: date | None = None
    sent_at: datetime | None = None


ID = "0193f1c8-0000-7000-8000-000000000001"


def shipment(**changes: object) -> dict[str, object]:
    return {"id": ID, "crates": [{"sku": "CRUNCHY-ARMCHAIR", "quantity": 2}]} | changes


def faults(**changes: object) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        load(Shipment, shipment(**changes))
    return {(fault.field, fault.code) for fault in refusal.value.faults}


def test_what_is_dumped_loads_as_the_same() -> None:
    original = Shipment(
        id=UUID(ID),
        crates=[Crate(sku="a", quantity=1)],
        price=Money(amount=Decimal("123.40")),
        due_on=date(2026, 12, 5),
        sent_at=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
    )
    assert load(Shipment, dump(original)) == original


def test_money_is_a_decimal_text_with_its_currency_on_the_wire() -> None:
    assert dump(Money(amount=Decimal("123.40"))) == {"amount": "123.40", "currency": "EUR"}


def test_instants_are_rfc_3339_in_utc_on_the_wire() -> None:
    sent = load(Shipment, shipment(sent_at="2026-11-22T00:30:00+02:00"))
    assert dump(sent)["sent_at"] == "2026-11-21T22:30:00Z"


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        (0, "out_of_range"),
        (-1, "out_of_range"),
        (1.5, "not_a_whole_number"),
        (10**9, "out_of_range"),
        ("3", "not_a_whole_number"),
        (True, "not_a_whole_number"),
        (None, "required"),
    ],
)
def test_a_wrong_quantity_is_named_by_its_path(quantity: object, code: str) -> None:
    assert faults(crates=[{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": quantity}]) == {
        ("crates.1.quantity", code)
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "x"}, ("id", "not_an_id")),
        ({"crates": []}, ("crates", "wrong_length")),
        ({"crates": "many"}, ("crates", "not_a_list")),
        ({"price": {"amount": 1.2, "currency": "EUR"}}, ("price.amount", "not_a_decimal")),
        ({"price": {"amount": "NaN", "currency": "EUR"}}, ("price.amount", "not_a_decimal")),
        ({"price": {"amount": "1", "currency": "EURO"}}, ("price.currency", "wrong_length")),
        ({"due_on": "5.12.2026"}, ("due_on", "not_a_date")),
        ({"sent_at": "2026-11-21T22:00:00"}, ("sent_at", "naive_time")),
        ({"sent_at": "soon"}, ("sent_at", "not_a_time")),
    ],
)
def test_every_wrong_field_has_a_stable_code(change: dict[str, object], expected: tuple[str, str]) -> None:
    assert faults(**change) == {expected}


def test_readers_ignore_fields_they_do_not_know() -> None:
    assert load(Shipment, shipment(colour="red")).id == UUID(ID)


def test_the_http_rim_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError):
        strict_schema_of(Shipment)().load(shipment(colour="red"))


def test_contracts_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load(Shipment, shipment()).due_on = None  # type: ignore[misc]


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        Money(amount=Decimal(1)) + Money(amount=Decimal(1), currency="BGN")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists, max_leaves=8))
def test_no_json_value_gets_past_the_schema_or_breaks_it(value: object) -> None:
    with pytest.raises(Invalid):
        load(Shipment, {"id": ID, "crates": value})


def test_errors_cross_the_wire_by_their_code() -> None:
    sent = Conflict(
        "not_enough_seats",
        "There are not enough seats.",
        params={"available": 2},
        faults=[Fault(field="people", code="too_many", params={"wanted": 3})],
        retry_after=4,
    )
    received = from_wire(to_wire(sent))
    assert isinstance(received, Conflict)
    assert to_wire(received) == to_wire(sent)


@pytest.mark.parametrize("kind", sorted(FAMILY))
def test_every_kind_of_error_survives_the_wire(kind: str) -> None:
    assert type(from_wire(to_wire(FAMILY[kind]()))) is FAMILY[kind]


def test_an_unknown_kind_of_error_tells_nothing() -> None:
    error = from_wire({"kind": "psycopg.OperationalError", "message": "password is swordfish", "code": "x"})
    assert type(error) is Internal
    assert "swordfish" not in str(error)
