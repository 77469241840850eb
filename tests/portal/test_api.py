"""The JSON API: who may ask, how a program signs in, one deed told twice, statements, organisations."""

import io
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.security.tokens import new_token
from libs.contracts.certificates import CertificateCheck, Results, Trainings
from libs.contracts.errors import Conflict, Fault, Invalid, NotFound, ServiceError
from libs.contracts.identity import AddedPeople, People, PeopleCheck
from libs.contracts.licensing import Assignee, Assignments, Licences
from tests.portal.fakes import principal
from tests.portal.programs import SOME, Program, operations, program
from tests.portal.support import Portal
from tests.portal.views import (
    assignment,
    certificate,
    enrolment,
    licence,
    order,
    person,
    result,
    statement,
)

# --- who may ask ------------------------------------------------------------------------------------------------


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
    caller.problem("POST", "/orders", 413, json={"padding": "x" * 200_000})


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
