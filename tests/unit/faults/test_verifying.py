"""The comparison at the end of a fault sees what was lost and what is there twice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.faults.client import Client
from tests.faults.driver import SEATS, TRAINING, Tokens
from tests.faults.ledger import Job
from tests.faults.table import Row, table_of
from tests.faults.verifying import DOUBLED, LOST, Finding, _orders, _people, _results, _seats

TOKENS = Tokens(manager="m", finance="f", clerk="c", organisation="o-1")
JOB = Job(
    number=0, begun_at=0.0, quantities={TRAINING: 1, SEATS: 2}, order_id="order-1", order_number="2026-1",
    statement_id="s-1", proforma=True, paid=True, account_id="person-1", assignment_id="seat-1", passed=True,
)  # fmt: skip
ORDER = {
    "id": "order-1", "state": "paid", "invoice_number": "0000000001", "has_invoice": True,
    "credit": {"amount": "0.00", "currency": "EUR"},
}  # fmt: skip
WORLD: dict[str, Any] = {
    "orders": [ORDER],
    "licences": [{"sku": TRAINING, "granted": 1}, {"sku": SEATS, "granted": 2}],
    "assignments": [{"id": "seat-1", "account_id": "person-1", "sku": TRAINING, "state": "assigned"}],
    "people": [{"account_id": "person-1"}, {"account_id": "manager"}],
    "results": [{"account_id": "person-1", "certificate_number": "C-1"}],
}


class _Answer:
    status_code = 200
    text = ""

    def __init__(self, body: Any) -> None:
        self._body = body

    def json(self) -> Any:
        return self._body


class _Api:
    """Answers from a small world."""

    def __init__(self, world: dict[str, Any]) -> None:
        self._world = world

    def call(self, _what: str, _method: str, path: str, **_: Any) -> _Answer:
        name = path.partition("?")[0].rpartition("/")[2]
        found = self._world[name]
        return _Answer(found if name == "licences" else {"items": found, "next_page_token": None})


def found_in(world: dict[str, Any]) -> list[Finding]:
    api = cast(Client, _Api(world))
    return [finding for look in (_orders, _seats, _people, _results) for finding in look([JOB], api, TOKENS)]


def test_a_world_as_it_was_acknowledged_has_no_findings() -> None:
    assert found_in(WORLD) == []


CHANGES: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "an order is gone": (LOST, lambda world: world["orders"].clear()),
    "an order was placed twice": (DOUBLED, lambda world: world["orders"].append({**ORDER, "id": "order-2"})),
    "a payment is gone": (LOST, lambda world: world["orders"][0].update(state="awaiting_payment")),
    "a payment was counted twice": (DOUBLED, lambda world: world["orders"][0]["credit"].update(amount="57.60")),
    "an invoice is missing": (LOST, lambda world: world["orders"][0].update(invoice_number=None)),
    "a seat is missing": (LOST, lambda world: world["licences"][1].update(granted=1)),
    "seats were granted twice": (DOUBLED, lambda world: world["licences"][1].update(granted=4)),
    "an assignment is gone": (LOST, lambda world: world["assignments"].clear()),
    "a person has two seats": (
        DOUBLED,
        lambda world: world["assignments"].append({**world["assignments"][0], "id": "seat-2"}),
    ),
    "a person is gone": (LOST, lambda world: world["people"].pop(0)),
    "a result is gone": (LOST, lambda world: world["results"].clear()),
    "a certificate was not made": (LOST, lambda world: world["results"][0].update(certificate_number=None)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_lost_or_doubled_is_found(change: str) -> None:
    kind, deed = CHANGES[change]
    world = copy.deepcopy(WORLD)
    deed(world)
    assert kind in {finding.kind for finding in found_in(world)}


def test_the_table_counts_and_names_what_was_found() -> None:
    row = Row(fault="none", injected="nothing", begun=2, finished=1, findings=[Finding(kind=LOST, what="order 7")])
    told = table_of([row])
    assert "1 faults, 1 jobs finished: 1 lost, 0 doubled, 0 breaches." in told
    assert "order 7" in told
    assert not row.good
