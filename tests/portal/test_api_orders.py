"""Orders at the JSON API: placed, read, decided, and what is refused."""

from typing import Any

import pytest

from libs.contracts.errors import Conflict, Fault, Invalid, NotFound, RateLimited, ServiceError, Unavailable
from libs.contracts.orders import Catalogue, NewOrderLine, Orders
from tests.portal.programs import SOME, Program, program
from tests.portal.support import Portal
from tests.portal.views import (
    document,
    order,
    product,
)


def placing(**others: Any) -> dict[str, Any]:
    line = {"sku": "power-bi", "quantity": 2}
    return {"organisation_id": str(SOME), "lines": [line | others.pop("line", {})], "language": "bg"} | others


@pytest.mark.story("INS-03", "INS-04")
def test_an_order_is_placed_and_says_how_to_pay(portal: Portal) -> None:
    caller, stand_in = program(portal, place_order=order())
    answer = caller.call("POST", "/orders", json=placing())
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["payment"]["amount"] == {"amount": "259.20", "currency": "EUR"}
    assert body["placed_at"].startswith("2026-03-02T09:30:00")
    assert stand_in.told("place_order") == [((SOME, [NewOrderLine(sku="power-bi", quantity=2)]), {"language": "bg"})]


@pytest.mark.story("INS-03")
@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (placing(line={"quantity": 0}), {"lines.0.quantity": "out_of_range"}),
        (placing(line={"quantity": -1}), {"lines.0.quantity": "out_of_range"}),
        (placing(line={"quantity": 10**9}), {"lines.0.quantity": "out_of_range"}),
        (placing(line={"quantity": 10**30}), {"lines.0.quantity": "out_of_range"}),
        (placing(line={"quantity": 1.5}), {"lines.0.quantity": "not_a_whole_number"}),
        (placing(line={"quantity": None}), {"lines.0.quantity": "required"}),
        (placing(line={"quantity": True}), {"lines.0.quantity": "not_a_whole_number"}),
        (placing(line={"sku": ""}), {"lines.0.sku": "wrong_length"}),
        (placing(line={"sku": "x" * 61}), {"lines.0.sku": "wrong_length"}),
        (placing(lines=[]), {"lines": "wrong_length"}),
        (placing(lines="many"), {"lines": "not_a_list"}),
        (placing(language="fr"), {"language": "not_a_choice"}),
        (placing(organisation_id="me"), {"organisation_id": "not_an_id"}),
        (placing(discount="100%"), {"discount": "unknown_field"}),
        (placing(line={"price": "0.01"}), {"lines.0.price": "unknown_field"}),
        ({}, {"organisation_id": "required", "lines": "required"}),
        ([], None),
        ("order", None),
    ],
)
def test_a_faulty_order_names_its_fields_and_reaches_nobody(
    portal: Portal, body: Any, faults: dict[str, str] | None
) -> None:
    caller, stand_in = program(portal)
    found = caller.faults("POST", "/orders", json=body)
    assert stand_in.asked == []
    if faults is not None:
        assert set(found) == set(faults)
        assert found == faults


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b""])
def test_a_body_that_is_no_json_is_told(portal: Portal, data: bytes) -> None:
    caller, stand_in = program(portal)
    answer = caller.call("POST", "/orders", data=data, content_type="application/json")
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (Invalid(faults=[Fault(field="lines.0.sku", code="unknown_product")]), 422, "invalid"),
        (NotFound(), 404, "not_found"),
        (Conflict("idempotency_key_reused"), 409, "idempotency_key_reused"),
        (RateLimited(retry_after=7), 429, "rate_limited"),
        (Unavailable(), 503, "unavailable"),
    ],
)
def test_every_refusal_of_a_service_is_a_problem_with_its_code(
    portal: Portal, refusal: ServiceError, status: int, code: str
) -> None:
    caller, _ = program(portal, place_order=refusal)
    problem = caller.problem("POST", "/orders", status, json=placing())
    assert problem["code"] == code
    assert [f["field"] for f in problem.get("faults", [])] == [f.field for f in refusal.faults]
    if status == 429:
        assert caller.call("POST", "/orders", json=placing()).headers["Retry-After"] == "7"


def test_orders_are_read_listed_cancelled_and_decided(portal: Portal) -> None:
    found, paper = order(), document()
    portal.app.extensions["documents"].put(paper.key, b"%PDF")
    caller, stand_in = program(
        portal,
        "manager",
        "official",
        list_products=Catalogue(items=[product()]),
        list_orders=Orders(items=[found], next_page_token="next"),
        get_order=found,
        cancel_order=found,
        approve_order=found,
        decline_order=found,
        get_order_document=paper,
    )
    assert Program(portal, None).call("GET", "/products").get_json()["items"][0]["price"]["amount"] == "36.00"
    listed = caller.call("GET", f"/orders?organisation_id={SOME}&state=paid&page_size=5&page_token=t").get_json()
    assert listed["next_page_token"] == "next"
    ((asked,), _) = stand_in.told("list_orders")[0]
    assert (asked.organisation_id, asked.states, asked.page_size, asked.page_token) == (SOME, ["paid"], 5, "t")
    caller.call("GET", "/orders")
    assert stand_in.told("list_orders")[1][0][0].organisation_id == SOME
    assert caller.call("GET", f"/orders/{found.id}").get_json()["number"] == found.number
    assert caller.call("DELETE", f"/orders/{found.id}").status_code == 200
    assert caller.call("POST", f"/orders/{found.id}/approval").status_code == 200
    assert caller.call("POST", f"/orders/{found.id}/refusal", json={"reason": "No."}).status_code == 200
    assert stand_in.told("decline_order") == [((found.id, "No."), {})]
    for kind in ("proforma", "invoice"):
        answer = caller.call("GET", f"/orders/{found.id}/{kind}.pdf")
        assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("page_size=x", "page_size"),
        ("state=nonsense", "state"),
        ("organisation_id=me", "organisation_id"),
        (f"page_token={'x' * 501}", "page_token"),
    ],
)
def test_a_faulty_query_names_its_parameter(portal: Portal, query: str, field: str) -> None:
    caller, _ = program(portal)
    assert list(caller.faults("GET", f"/orders?{query}")) == [field]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/orders/{SOME}"),
        ("DELETE", f"/orders/{SOME}"),
        ("GET", f"/orders/{SOME}/proforma.pdf"),
        ("GET", f"/orders/{SOME}/invoice.pdf"),
        ("GET", "/certificates/C-2026-00042-7"),
        ("GET", "/certificates/C-2026-00042-7.pdf"),
        ("GET", f"/me/trainings/{SOME}"),
        ("GET", f"/organisations/{SOME}/licences"),
        ("GET", f"/organisations/{SOME}/people"),
        ("GET", f"/organisations/{SOME}/results"),
        ("DELETE", f"/organisations/{SOME}/assignments/{SOME}"),
    ],
)
def test_what_belongs_to_somebody_else_is_not_there(portal: Portal, method: str, path: str) -> None:
    methods = ("get_order", "cancel_order", "get_order_document", "get_certificate", "get_my_training",
               "list_licences", "list_people", "list_results", "withdraw_assignment")  # fmt: skip
    caller, _ = program(portal, **dict.fromkeys(methods, NotFound()))
    assert caller.problem(method, path, 404)["code"] == "not_found"


@pytest.mark.parametrize("path", ["/nothing", "/orders/not-an-id", f"/orders/{SOME}/passwd.pdf"])
def test_an_unknown_address_is_a_problem_too(portal: Portal, path: str) -> None:
    caller, _ = program(portal)
    assert caller.problem("GET", path, 404)["code"] == "not_found"
    assert caller.problem("PATCH", "/orders", 405)["code"] == "method_not_allowed"
