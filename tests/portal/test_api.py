"""The JSON API: who may ask what, what is refused and how, and that its document says so."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from gateway.clients.certificates import CertificatesClient
from gateway.clients.licensing import LicensingClient
from gateway.clients.orders import OrdersClient
from gateway.security.tokens import new_token
from libs.contracts.certificates import CertificateCheck, Results, Trainings
from libs.contracts.errors import Conflict, Fault, Invalid, NotFound, RateLimited, ServiceError, Unavailable
from libs.contracts.identity import AddedPeople, People, PeopleCheck
from libs.contracts.licensing import Assignee, Assignments, Licences
from libs.contracts.orders import Catalogue, NewOrderLine, Orders
from tests.portal.fakes import principal
from tests.portal.support import Portal
from tests.portal.views import (
    StandIn,
    assignment,
    certificate,
    document,
    enrolment,
    licence,
    order,
    person,
    product,
    result,
    statement,
)

SOME = uuid4()


@dataclass
class Program:
    """A program with a session token of its own; it keeps no cookies."""

    portal: Portal
    token: str | None

    def call(self, method: str, path: str, *, key: str | None = None, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.portal.app.test_client(use_cookies=False).open(
            f"/api/v1{path}", method=method, headers=headers, **kwargs
        )

    def problem(self, method: str, path: str, status: int, **kwargs: Any) -> dict[str, Any]:
        """What is refused, as a problem document."""
        answer = self.call(method, path, **kwargs)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.get_data()
        body = answer.get_json()
        assert body["status"] == status
        assert body["code"]
        assert body["correlation_id"] == answer.headers["X-Correlation-Id"]
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(body)

    def faults(self, method: str, path: str, **kwargs: Any) -> dict[str, str]:
        """Field → code of what is wrong."""
        return {one["field"]: one["code"] for one in self.problem(method, path, 422, **kwargs)["faults"]}


def program(portal: Portal, *roles: str, **answers: Any) -> tuple[Program, StandIn]:
    """A program of somebody with these roles, at a portal with this behaviour of all services."""
    stand_in = StandIn(**answers)
    for cls in (OrdersClient, LicensingClient, CertificatesClient):
        portal.answers(cls, stand_in)
    for name in stand_in.answers:
        setattr(portal.identity, name, getattr(stand_in, name))
    token = new_token()
    portal.identity.sign_in(token, principal(*(roles or ("manager",)), organisation_id=SOME))
    return Program(portal, token), stand_in


# --- who may ask ------------------------------------------------------------------------------------------------


def operations(portal: Portal) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document: method, path with something in its places, description."""
    paths = portal.app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                filled = re.sub(r"\{\w*id\}", str(SOME), path.removeprefix("/api/v1"))
                yield method.upper(), re.sub(r"\{\w+\}", "some", filled), operation


def test_everything_that_is_not_public_asks_who_is_there(portal: Portal) -> None:
    stranger = Program(portal, None)
    guarded = [(method, path) for method, path, operation in operations(portal) if operation["security"]]
    assert len(guarded) > 20
    for method, path in guarded:
        assert stranger.problem(method, path, 401)["code"] == "unauthenticated", path


def test_an_unknown_session_token_is_nobody(portal: Portal) -> None:
    for token in (new_token(), "short", "x" * 500):
        assert Program(portal, token).problem("GET", "/me", 401)["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("manager", "POST", "/bank-statements"),
        ("clerk", "POST", "/bank-statements"),
        ("member", "GET", f"/organisations/{SOME}/licences"),
        ("member", "POST", f"/organisations/{SOME}/people"),
        ("finance", "GET", f"/organisations/{SOME}/people"),
        ("admin", "POST", f"/organisations/{SOME}/assignments"),
        ("manager", "POST", f"/orders/{SOME}/approval"),
        ("finance", "POST", f"/orders/{SOME}/refusal"),
    ],
)
def test_a_role_that_may_not_is_told_so(portal: Portal, role: str, method: str, path: str) -> None:
    caller, stand_in = program(portal, role)
    assert caller.problem(method, path, 403)["code"] == "forbidden"
    assert stand_in.asked == []


def test_a_browsers_cookie_needs_the_form_token_too(portal: Portal) -> None:
    _, stand_in = program(portal, place_order=order())
    visitor = portal.signed_in(principal("manager"))
    body = {"organisation_id": str(SOME), "lines": [{"sku": "power-bi", "quantity": 1}]}
    answer = visitor.client.post("/api/v1/orders", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "page_too_old")
    page = portal.app.test_client()
    page.set_cookie("session", str(visitor.cookie("session").value))
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.get("/api/v1/docs").get_data(as_text=True))
    assert found is not None
    answer = page.post("/api/v1/orders", json=body, headers={"X-CSRF-Token": found[1]})
    assert answer.status_code == 201
    assert len(stand_in.told("place_order")) == 1


# --- signing in -------------------------------------------------------------------------------------------------


def test_a_program_signs_in_with_its_cookie_and_gets_the_token_once(portal: Portal) -> None:
    client = portal.app.test_client()
    wrong = client.post("/api/v1/sign-ins", json={"login": "m.ivanova", "password": "?"})
    unknown = client.post("/api/v1/sign-ins", json={"login": "nobody", "password": "?"})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.get_json(), "correlation_id": ""} == {**unknown.get_json(), "correlation_id": ""}
    begun = client.post("/api/v1/sign-ins", json={"login": "m.ivanova", "password": portal.identity.password})
    assert begun.status_code == 201
    assert begun.get_json()["state"] == "password_change_required"
    path = f"/api/v1/sign-ins/{begun.get_json()['id']}"
    weak = client.put(f"{path}/password", json={"new_password": portal.identity.password})
    assert weak.get_json()["faults"][0]["field"] == "new_password"
    changed = client.put(f"{path}/password", json={"new_password": "four plain words here"})
    assert (changed.get_json()["state"], changed.get_json()["code"]) == ("awaiting_factor", "47")
    assert client.get(path).get_json()["session_token"] is None
    assert portal.app.test_client().get(path).status_code == 404
    (attempt,) = portal.identity.attempts
    portal.identity.set(attempt, "approved")
    token = client.get(path).get_json()["session_token"]
    assert client.get(path).get_json()["session_token"] is None
    me = Program(portal, token).call("GET", "/me").get_json()
    assert me["roles"] == ["manager"]
    assert "token" not in me


# --- orders -----------------------------------------------------------------------------------------------------


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


# --- one deed, told twice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second", "same"), [("a", "a", True), ("a", "b", False), (None, None, False)])
def test_the_key_names_the_deed(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, first: str | None, second: str | None, same: bool
) -> None:
    ids = []

    def call(routing_key: str, request: Any, headers: dict[str, str], timeout: float) -> Any:
        ids.append(headers["nameko.command_id"])
        raise Conflict("already_paid")

    monkeypatch.setattr(portal.bus, "call", call)
    token = new_token()
    portal.identity.sign_in(token, principal("manager"))
    caller = Program(portal, token)
    for key in (first, second):
        caller.problem("DELETE", f"/orders/{SOME}", 409, key=key)
    assert (ids[0] == ids[1]) is same


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_of_no_use_is_refused(portal: Portal, key: str) -> None:
    token = new_token()
    portal.identity.sign_in(token, principal("manager"))
    answer = Program(portal, token).call("DELETE", f"/orders/{SOME}", key=key)
    assert answer.status_code == (503 if key == "" else 422)  # an empty header is none


def test_a_file_sent_again_under_its_key_is_the_same_deed_and_another_file_is_refused(portal: Portal) -> None:
    caller, stand_in = program(portal, "finance", import_bank_statement=statement("waiting"))

    def upload(content: bytes) -> TestResponse:
        return caller.call(
            "POST",
            "/bank-statements",
            key="march",
            data={"file": (io.BytesIO(content), "march.xml")},
            content_type="multipart/form-data",
        )

    assert [upload(b"<a/>").status_code, upload(b"<a/>").status_code] == [202, 202]
    first, second = stand_in.told("import_bank_statement")
    assert first == second
    assert upload(b"<b/>").get_json()["code"] == "idempotency_key_reused"
    assert len(stand_in.told("import_bank_statement")) == 2


# --- bank statements --------------------------------------------------------------------------------------------


def test_a_statement_without_a_file_names_the_field(portal: Portal) -> None:
    caller, _ = program(portal, "finance")
    assert caller.faults("POST", "/bank-statements") == {"file": "required"}
    assert caller.faults("POST", "/bank-statements", json={"file": "x"}) == {"file": "required"}


def test_how_far_an_import_is(portal: Portal) -> None:
    caller, _ = program(portal, "finance", get_bank_statement=statement("failed", reason="truncated"))
    body = caller.call("GET", f"/bank-statements/{SOME}").get_json()
    assert (body["state"], body["reason"]) == ("failed", "truncated")


def test_only_a_statement_may_be_large(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_BODY_LIMIT="100000", GATEWAY_UPLOAD_LIMIT="300000")
    caller, _ = program(portal, "finance", import_bank_statement=statement("waiting"))
    large = {"data": {"file": (io.BytesIO(b"x" * 200_000), "a.xml")}, "content_type": "multipart/form-data"}
    assert caller.call("POST", "/bank-statements", **large).status_code == 202
    too_large = {"data": {"file": (io.BytesIO(b"x" * 400_000), "a.xml")}, "content_type": "multipart/form-data"}
    caller.problem("POST", "/bank-statements", 413, **too_large)
    caller.problem("POST", "/orders", 413, json=placing(padding="x" * 200_000))


# --- organisations ----------------------------------------------------------------------------------------------


def test_people_are_checked_and_added(portal: Portal) -> None:
    rows = [{"given_name": "Анна", "family_name": "Петрова", "email": "anna@broker.example", "phone": "0888000101"}]
    caller, stand_in = program(
        portal,
        check_people=PeopleCheck(rows=[], good=1, bad=0),
        add_people=AddedPeople(added=[person()], refused=[]),
        list_people=People(items=[person()], total=1),
    )
    base = f"/organisations/{SOME}/people"
    assert caller.call("POST", f"{base}/check", json={"people": rows}).get_json()["good"] == 1
    added = caller.call("POST", base, json={"people": rows, "only_good": True})
    assert (added.status_code, len(added.get_json()["added"])) == (201, 1)
    assert stand_in.told("add_people")[0][1] == {"only_good": True}
    assert caller.call("GET", f"{base}?search=Анна&page_size=5").get_json()["total"] == 1


def test_five_thousand_rows_are_taken_and_one_more_is_refused(portal: Portal) -> None:
    caller, stand_in = program(portal, check_people=PeopleCheck(rows=[], good=5000, bad=0))
    row = {"given_name": "Александра", "family_name": "Константинова-Петрова", "email": "a@broker.example"}
    path = f"/organisations/{SOME}/people/check"
    assert caller.call("POST", path, json={"people": [row] * 5000}).status_code == 200
    assert caller.faults("POST", path, json={"people": [row] * 5001}) == {"people": "wrong_length"}
    assert caller.faults("POST", path, json={"people": []}) == {"people": "wrong_length"}
    assert len(stand_in.told("check_people")) == 1


def test_seats_are_given_and_taken_back(portal: Portal) -> None:
    held = assignment(SOME)
    caller, stand_in = program(
        portal,
        list_licences=Licences(items=[licence()]),
        assign=Assignments(items=[held]),
        list_assignments=Assignments(items=[held]),
        withdraw_assignment=held,
    )
    base = f"/organisations/{SOME}"
    (held_licence,) = caller.call("GET", f"{base}/licences").get_json()
    assert (held_licence["granted"], held_licence["available"]) == (3, 3)
    body = {"sku": "induction", "people": [{"account_id": str(SOME), "modules": ["a"]}]}
    assert caller.call("POST", f"{base}/assignments", json=body).status_code == 201
    assert stand_in.told("assign") == [((SOME, "induction", [Assignee(account_id=SOME, modules=["a"])]), {})]
    assert len(caller.call("GET", f"{base}/assignments").get_json()["items"]) == 1
    assert caller.call("DELETE", f"{base}/assignments/{held.id}").status_code == 200


@pytest.mark.story("INS-25", "INS-31")
@pytest.mark.parametrize(
    ("refusal", "status", "code", "field"),
    [
        (Conflict("not_enough_seats", params={"wanted": 3, "available": 2}), 409, "not_enough_seats", None),
        (
            Invalid(faults=[Fault(field="people.0.modules", code="wrong_hours", params={"have": 899})]),
            422,
            "invalid",
            "people.0.modules",
        ),
        (
            NotFound("unknown_person", faults=[Fault(field="people.1.account_id", code="unknown_person")]),
            404,
            "unknown_person",
            "people.1.account_id",
        ),
    ],
)
def test_a_refused_assignment_names_the_reason(
    portal: Portal, refusal: ServiceError, status: int, code: str, field: str | None
) -> None:
    caller, _ = program(portal, assign=refusal)
    body = {"sku": "induction", "people": [{"account_id": str(SOME)}]}
    problem = caller.problem("POST", f"/organisations/{SOME}/assignments", status, json=body)
    assert problem["code"] == code
    assert [fault["field"] for fault in problem.get("faults", [])] == ([field] if field else [])
    if code == "not_enough_seats":
        assert problem["params"] == {"wanted": 3, "available": 2}


def test_trainings_results_and_certificates_are_read(portal: Portal) -> None:
    training, found = enrolment(), certificate()
    assert found.document is not None
    portal.app.extensions["documents"].put(found.document.key, b"%PDF")
    caller, stand_in = program(
        portal,
        list_my_trainings=Trainings(items=[training]),
        get_my_training=training,
        list_results=Results(items=[result()], total=1),
        get_certificate=found,
        check_certificate=CertificateCheck(state="valid", number=found.number),
        complete_module=Conflict("test_required"),
    )
    (mine,) = caller.call("GET", "/me/trainings").get_json()
    assert mine["id"] == str(training.id)
    assert caller.call("GET", f"/me/trainings/{training.id}").get_json()["state"] == "begun"
    done = caller.problem("POST", f"/me/trainings/{training.id}/modules/m1/completion", 409, json={"score": 90})
    assert done["code"] == "test_required"
    assert list(caller.faults("POST", f"/me/trainings/{SOME}/modules/m1/completion", json={"score": 101})) == ["score"]
    results = caller.call("GET", f"/organisations/{SOME}/results?state=passed&sku=induction").get_json()
    assert results["items"][0]["certificate_number"] == found.number
    assert caller.call("GET", f"/certificates/{found.number}").get_json()["state"] == "valid"
    assert caller.call("GET", f"/certificates/{found.number}.pdf").data == b"%PDF"
    anyone = Program(portal, None).call("GET", "/certificates/check/7K4M2Q9X").get_json()
    assert (anyone["state"], anyone["holder"]) == ("valid", None)
    assert stand_in.told("check_certificate") == [(("7K4M2Q9X",), {})]


# --- the document -----------------------------------------------------------------------------------------------


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` in a part of the document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def leads_nowhere(document: dict[str, Any], reference: str) -> bool:
    """Whether nothing stands where a reference points."""
    place: Any = document
    for step in reference.removeprefix("#/").split("/"):
        place = place.get(step) if isinstance(place, dict) else None
    return place is None


def faults_of_operation(method: str, path: str, operation: dict[str, Any], shared: list[Any]) -> Iterator[str]:
    """What one operation of the document leaves open."""
    if not operation.get("summary") or not operation.get("tags"):
        yield "not described"
    answers = operation.get("responses", {})
    if "default" not in answers or not any(str(status).startswith("2") for status in answers):
        yield "answers are missing"
    if "security" not in operation:
        yield "nobody says who may ask"
    named = [(one["in"], one["name"]) for one in [*shared, *operation.get("parameters", [])]]
    if len(named) != len(set(named)):
        yield "a parameter twice"
    if set(re.findall(r"\{(\w+)\}", path)) != {name for place, name in named if place == "path"}:
        yield "parameters of the path"
    if method in {"post", "put", "delete"} and ("header", "Idempotency-Key") not in named:
        yield "no idempotency key"


def faults_of_document(document: dict[str, Any]) -> list[str]:
    """What is wrong with an OpenAPI 3.0 document; empty for a good one."""
    found = [f"no {part}" for part in ("openapi", "info", "paths") if part not in document]
    found += [f"leads nowhere: {one}" for one in references(document) if leads_nowhere(document, one)]
    for path, methods in document.get("paths", {}).items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                found += [f"{method} {path}: {fault}" for fault in faults_of_operation(method, path, operation, shared)]
    return found


def test_the_document_is_a_good_one(portal: Portal) -> None:
    answer = portal.app.test_client().get("/api/v1/openapi.json")
    described = answer.get_json()
    assert described["openapi"] == "3.0.3"
    assert faults_of_document(described) == []
    errors = described["components"]["responses"].values()
    assert {kind for error in errors for kind in error.get("content", {})} == {"application/problem+json"}


def test_a_bad_document_would_be_found() -> None:
    operation = {"responses": {"200": {"$ref": "#/components/responses/None"}}, "parameters": []}
    bad = {"openapi": "3.0.3", "paths": {"/orders/{order_id}": {"post": operation}}}
    words = " ".join(faults_of_document(bad))
    for fault in ("no info", "leads nowhere", "not described", "answers are missing", "who may ask",
                  "parameters of the path", "no idempotency key"):  # fmt: skip
        assert fault in words


def test_every_address_of_the_api_is_described(portal: Portal) -> None:
    described = portal.app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for rule in portal.app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and rule.endpoint.startswith("api_"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert method.lower() in described[path], (method, path)


def test_the_browsable_page_alone_may_show_pictures_of_its_style_sheet(portal: Portal) -> None:
    client = portal.app.test_client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "img-src 'self' data:;" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for path in ("/", "/api/v1/openapi.json", "/api/v1/products"):
        assert "data:" not in client.get(path).headers["Content-Security-Policy"]
