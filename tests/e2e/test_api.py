"""The main job by the API alone, and everything that the API and the bus refuse."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from libs.chassis.principal import generate_key_pair
from libs.contracts.errors import Forbidden, NotFound, Unauthenticated
from tests.e2e.actors import Mailbox, statement, transfer
from tests.e2e.programs import Insider, Program, demo, issued_password, sign_in
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TRAINING, INDUCTION = "maintenance-15h", "induction"
FIFTEEN_HOURS = ["life-and-savings", "motor-liability", "property", "needs-and-demands", "anti-money-laundering",
                 "data-protection"]  # fmt: skip
STRANGERS_PHONE, LEARNERS_PHONE = "+359880000201", "+359880000202"


@pytest.fixture(scope="module")
def manager(stack: RunningStack) -> Program:
    return demo(stack, "manager")


@pytest.fixture(scope="module")
def finance(stack: RunningStack) -> Program:
    return demo(stack, "finance")


@pytest.fixture(scope="module")
def ours(manager: Program) -> str:
    """The organisation of the manager."""
    return str(manager.get("/me")["organisation_id"])


@pytest.fixture(scope="module")
def insider(stack: RunningStack) -> Iterator[Insider]:
    at_the_bus = Insider(stack)
    yield at_the_bus
    at_the_bus.close()


@pytest.fixture(scope="module")
def stranger(stack: RunningStack, insider: Insider) -> Program:
    """The manager of another organisation, registered and issued as a clerk does it."""
    clerk = insider.principal("clerk")
    body = {"name": "Друг брокер ООД", "number": "121759222", "vat_number": "", "address": "Варна", "country": "BG"}
    organisation = insider.call("identity.register_organisation", body, clerk)
    account = {
        "given_name": "Чавдар", "family_name": "Чуждев", "email": "chavdar@other.example", "phone": STRANGERS_PHONE,
        "role": "manager", "organisation_id": organisation["id"], "login": "", "language": "bg",
    }  # fmt: skip
    insider.call("identity.issue_account", account, clerk)
    return sign_in(stack, account["email"], STRANGERS_PHONE, issued_password(stack, account["email"]))


def place(program: Program, organisation: str, key: str | None = None, **quantities: int) -> dict[str, Any]:
    lines = [{"sku": sku.replace("_", "-"), "quantity": number} for sku, number in quantities.items()]
    order = program.post("/orders", {"organisation_id": organisation, "lines": lines, "language": "bg"}, key=key)
    return dict(order)


def pay(finance: Program, stack: RunningStack, order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The transfer arrives and its statement is uploaded; how that ended."""
    payment = order["payment"]
    transfer(stack.urls, iban=payment["iban"], amount=payment["amount"]["amount"], reason=payment["reference"])
    return finance.outcome(
        finance.upload(statement(stack.urls, payment["iban"], "camt.053.001.08", folder).read_bytes())
    )


def licence(program: Program, organisation: str, sku: str) -> dict[str, int]:
    """Granted, assigned and available seats; zeros where there are none."""
    found = [one for one in program.get(f"/organisations/{organisation}/licences") if one["sku"] == sku]
    return {name: found[0][name] if found else 0 for name in ("granted", "assigned", "available")}


def row(number: int, **others: str) -> dict[str, str]:
    person = {
        "given_name": "Анна", "family_name": "Апиева", "email": f"api.{number}@broker.example",
        "phone": f"+3598800{number:05}",
    }  # fmt: skip
    return person | others


# --- the way through --------------------------------------------------------------------------------------------


@pytest.mark.story("INS-06", "INS-07", "INS-24", "INS-26", "INS-35")
def test_the_main_job_by_the_api_alone(
    stack: RunningStack, manager: Program, finance: Program, ours: str, tmp_path: Path
) -> None:
    before = licence(manager, ours, TRAINING)
    order = place(manager, ours, key="api-main-job", maintenance_15h=2, induction=1)
    assert order["state"] == "awaiting_payment"
    assert order["payment"]["amount"] == order["gross"] == {"amount": "151.20", "currency": "EUR"}
    assert place(manager, ours, key="api-main-job", maintenance_15h=2, induction=1) == order
    assert licence(manager, ours, TRAINING) == before

    ended = pay(finance, stack, order, tmp_path)
    assert (ended["state"], ended["matched"]) == ("done", 1)
    path = f"/orders/{order['id']}"
    assert manager.get(path)["state"] == "paid"
    eventually(lambda: licence(manager, ours, TRAINING)["granted"] == before["granted"] + 2, timeout=20, every=0.2)
    eventually(lambda: manager.get(path)["has_invoice"], timeout=30, every=0.2)
    for kind in ("proforma", "invoice"):
        answer = manager.call("GET", f"{path}/{kind}.pdf")
        assert answer.content.startswith(b"%PDF")
        assert answer.headers["Content-Type"] == "application/pdf"

    learner = row(202, given_name="Лъчезар", family_name="Учев")
    people = f"/organisations/{ours}/people"
    assert manager.post(f"{people}/check", {"people": [learner]})["good"] == 1
    (added,) = manager.post(people, {"people": [learner]})["added"]
    assert manager.get(f"{people}?search=Учев")["items"][0]["account_id"] == added["account_id"]

    body = {"sku": TRAINING, "people": [{"account_id": added["account_id"], "modules": FIFTEEN_HOURS}]}
    available = licence(manager, ours, TRAINING)["available"]
    (seat,) = manager.post(f"/organisations/{ours}/assignments", body, key="one seat")["items"]
    assert {module["code"] for module in seat["modules"]} == set(FIFTEEN_HOURS)
    assert licence(manager, ours, TRAINING)["available"] == available - 1
    assert manager.post(f"/organisations/{ours}/assignments", body, key="one seat")["items"] == [seat]
    again = manager.problem("POST", f"/organisations/{ours}/assignments", 409, json=body)
    assert again["code"] == "already_assigned"
    assert licence(manager, ours, TRAINING)["available"] == available - 1

    caller = sign_in(stack, learner["email"], learner["phone"], issued_password(stack, learner["email"]))
    (training,) = eventually(lambda: caller.get("/me/trainings"), timeout=20, every=0.2)
    assert {module["code"] for module in training["modules"]} == set(FIFTEEN_HOURS)
    completion = f"/me/trainings/{training['id']}/modules/{FIFTEEN_HOURS[0]}/completion"
    assert caller.problem("POST", completion, 409, json={"score": 100})["code"] == "test_required"
    results = manager.get(f"/organisations/{ours}/results?sku={TRAINING}&state=assigned")["items"]
    assert any(one["account_id"] == added["account_id"] and one["certificate_number"] is None for one in results)
    assert caller.call("DELETE", "/session").status_code == 204
    # another process of the gateway hears of it by an event
    assert eventually(lambda: caller.problem("GET", "/me", 401), timeout=10)["code"] == "unauthenticated"


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.story("INS-03")
@pytest.mark.parametrize("quantity", [0, -1, 1.5, 10**9, 10_001, "two"])
def test_a_quantity_that_is_none_is_refused_and_nothing_stored(manager: Program, ours: str, quantity: Any) -> None:
    before = manager.get(f"/orders?organisation_id={ours}")["items"][0]["id"]
    body = {
        "organisation_id": ours,
        "lines": [{"sku": INDUCTION, "quantity": 1}, {"sku": TRAINING, "quantity": quantity}],
    }
    problem = manager.problem("POST", "/orders", 422, json=body)
    assert [fault["field"] for fault in problem["faults"]] == ["lines.1.quantity"]
    assert problem["faults"][0]["detail"]
    assert manager.get(f"/orders?organisation_id={ours}")["items"][0]["id"] == before


def test_an_unknown_product_and_a_foreign_organisation_are_named(
    manager: Program, stranger: Program, ours: str
) -> None:
    unknown = {"organisation_id": ours, "lines": [{"sku": "nothing", "quantity": 1}]}
    problem = manager.problem("POST", "/orders", 422, json=unknown)
    assert [(f["field"], f["code"]) for f in problem["faults"]] == [("lines.0.sku", "unknown_sku")]
    foreign = {"organisation_id": ours, "lines": [{"sku": INDUCTION, "quantity": 1}]}
    assert stranger.problem("POST", "/orders", 404, json=foreign)["code"] == "not_found"


def test_one_key_is_one_deed(manager: Program, stranger: Program, ours: str) -> None:
    first = place(manager, ours, key="one deed", induction=1)
    assert place(manager, ours, key="one deed", induction=1)["id"] == first["id"]
    body = {"organisation_id": ours, "lines": [{"sku": INDUCTION, "quantity": 2}], "language": "bg"}
    assert manager.problem("POST", "/orders", 409, json=body, key="one deed")["code"] == "idempotency_key_reused"
    theirs = str(stranger.get("/me")["organisation_id"])
    assert place(stranger, theirs, key="one deed", induction=1)["id"] != first["id"]
    assert manager.call("DELETE", f"/orders/{first['id']}").json()["state"] == "cancelled"


def camt(iban: str, amount: str = "36.00", currency: str = "EUR", text: str = "", before: str = "") -> bytes:
    """A statement of one transfer."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>{before}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>{uuid4().hex}</MsgId>
<CreDtTm>2026-03-02T08:00:00</CreDtTm></GrpHdr><Stmt><Id>{uuid4().hex}</Id><CreDtTm>2026-03-02T08:00:00</CreDtTm>
<Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>
<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>{uuid4().hex}</AcctSvcrRef><BkTxCd/>
<NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>""".encode()


def test_statements_of_no_use_fail_with_a_reason_and_change_nothing(
    manager: Program, finance: Program, ours: str
) -> None:
    order = place(manager, ours, induction=1)
    iban, reference = order["payment"]["iban"], order["payment"]["reference"]
    good = camt(iban, text=reference)
    entity = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    bad = {
        "not_a_statement": b"Account,Amount\nBG80,36.00\n",
        "truncated": good[: good.index(b"</Stmt>")],
        "forbidden_entity": camt(iban, text="&e;", before=entity),
        "wrong_currency": camt(iban, text=reference, currency="USD"),
        "unknown_account": camt("BG18RZBB91550123456789", text=reference),
        "too_large": good + b" " * 60_000_000,
    }
    uploads = {reason: finance.upload(content) for reason, content in bad.items()}
    for reason, upload in uploads.items():
        ended = finance.outcome(upload)
        assert (ended["state"], ended["reason"]) == ("failed", reason)
        assert ended["matched"] == 0
    found = manager.get(f"/orders/{order['id']}")
    assert (found["state"], found["paid"]["amount"]) == ("awaiting_payment", "0.00")
    assert manager.call("DELETE", f"/orders/{order['id']}").json()["state"] == "cancelled"
    assert finance.problem("POST", "/bank-statements", 422)["faults"][0]["field"] == "file"
    again = [finance.upload(b"no statement", key="the same file") for _ in range(2)]
    assert again[0].json()["id"] == again[1].json()["id"]
    assert finance.upload(b"another", key="the same file").status_code == 409


@pytest.mark.story("INS-16")
def test_bad_rows_are_named_cell_by_cell_and_only_good_ones_added(
    stack: RunningStack, manager: Program, ours: str
) -> None:
    people = f"/organisations/{ours}/people"
    rows = [
        row(301),
        row(302, given_name=""),
        row(303, email="api.303(at)broker.example"),
        row(304, phone="12"),
        row(305, family_name='=HYPERLINK("http://x")'),
        row(306, email="elena.dimitrova@broker.example"),
        row(307, email="api.301@broker.example"),
    ]
    checked = manager.post(f"{people}/check", {"people": rows})
    faults = {(f["row"], fault["field"], fault["code"]) for f in checked["rows"] for fault in f["faults"]}
    assert {(2, "given_name", "required"), (3, "email", "not_an_email"), (4, "phone", "not_a_phone"),
            (5, "family_name", "not_a_name"), (6, "email", "taken"), (7, "email", "repeated")} <= faults  # fmt: skip
    refused = manager.problem("POST", people, 422, json={"people": rows})
    assert "people.1.given_name" in {fault["field"] for fault in refused["faults"]}
    assert manager.get(f"{people}?search=api.30")["total"] == 0
    good = [row(308), *rows[1:5]]
    done = manager.post(people, {"people": good, "only_good": True})
    assert [person["email"] for person in done["added"]] == ["api.308@broker.example"]
    assert [one["row"] for one in done["refused"]] == [2, 3, 4, 5]
    Mailbox(stack.urls["mail"], "api.308@broker.example").find("парола")
    for number in (301, 302, 304, 305, 307):
        assert Mailbox(stack.urls["mail"], f"api.{number}@broker.example").all() == []


def test_five_thousand_rows_are_checked_and_one_more_is_refused(manager: Program, ours: str) -> None:
    path = f"/organisations/{ours}/people/check"
    rows = [row(number) for number in range(10_000, 15_000)]
    began = time.monotonic()
    checked = manager.post(path, {"people": rows})
    assert (checked["good"], checked["bad"]) == (5_000, 0)
    assert time.monotonic() - began < 60
    problem = manager.problem("POST", path, 422, json={"people": [*rows, row(15_001)]})
    assert [fault["field"] for fault in problem["faults"]] == ["people"]


@pytest.mark.story("INS-17", "INS-25", "INS-31")
def test_assignments_of_no_right_are_refused_as_a_whole(manager: Program, stranger: Program, ours: str) -> None:
    people = f"/organisations/{ours}/people"
    added = manager.post(people, {"people": [row(number) for number in range(320, 340)]})["added"]
    ids = [person["account_id"] for person in added]
    before = licence(manager, ours, TRAINING)
    assert 0 < before["available"] < 20
    path = f"/organisations/{ours}/assignments"

    def refused(status: int, modules: list[str], *accounts: str) -> dict[str, Any]:
        body = {"sku": TRAINING, "people": [{"account_id": one, "modules": modules} for one in accounts]}
        # A person is known here as soon as the news of the account has come.
        eventually(lambda: manager.call("POST", path, json=body).status_code == status, timeout=20, every=0.2)
        return manager.problem("POST", path, status, json=body)

    less, more = FIFTEEN_HOURS[:-1], [*FIFTEEN_HOURS, "cyber-security"]
    for modules in (less, [], more[:1]):
        fault = refused(422, modules, ids[0])["faults"][0]
        assert fault["field"] == "people.0.modules"
    assert refused(422, ["nothing"], ids[0])["faults"][0]["code"] == "unknown_module"
    problem = refused(409, FIFTEEN_HOURS, *ids)
    assert problem["code"] == "not_enough_seats"
    assert problem["params"] == {"wanted": 20, "available": before["available"]}
    foreigner = str(stranger.get("/me")["account_id"])
    problem = refused(404, FIFTEEN_HOURS, ids[0], foreigner)
    assert [(f["field"], f["code"]) for f in problem["faults"]] == [("people.1.account_id", "unknown_person")]
    assert licence(manager, ours, TRAINING) == before


# --- strangers --------------------------------------------------------------------------------------------------


@pytest.mark.story("INS-37", "INS-39", "INS-17")
def test_what_belongs_to_others_is_not_there(manager: Program, stranger: Program, ours: str) -> None:
    order = manager.get(f"/orders?organisation_id={ours}&state=paid")["items"][0]
    passed = [one for one in manager.get(f"/organisations/{ours}/results")["items"] if one["certificate_number"]]
    person = manager.get(f"/organisations/{ours}/people")["items"][0]
    hidden = [f"/orders/{order['id']}", f"/orders/{order['id']}/invoice.pdf", f"/orders/{order['id']}/proforma.pdf"]
    hidden += [f"/organisations/{ours}/{what}" for what in ("licences", "people", "assignments", "results")]
    for result in passed:
        hidden += [f"/certificates/{result['certificate_number']}", f"/certificates/{result['certificate_number']}.pdf"]
    for path in hidden:
        assert manager.call("GET", path).ok, path
        assert stranger.problem("GET", path, 404)["code"] == "not_found", path
    assert stranger.problem("DELETE", f"/orders/{order['id']}", 404)["code"] == "not_found"
    theirs = stranger.get("/me")["organisation_id"]
    body = {"sku": INDUCTION, "people": [{"account_id": person["account_id"]}]}
    assert stranger.problem("POST", f"/organisations/{theirs}/assignments", 404, json=body)["code"] == "unknown_person"
    assert stranger.get("/orders")["items"] == stranger.get(f"/orders?organisation_id={theirs}")["items"]
    assert stranger.problem("GET", f"/orders?organisation_id={ours}", 404)["code"] == "not_found"


def test_the_bus_believes_no_forged_principal_and_no_other_organisation(
    manager: Program, insider: Insider, ours: str
) -> None:
    order = manager.get(f"/orders?organisation_id={ours}")["items"][0]
    person = manager.get(f"/organisations/{ours}/people")["items"][0]
    questions: dict[str, dict[str, Any]] = {
        "orders.get_order": {"order_id": order["id"]},
        "orders.get_order_document": {"order_id": order["id"], "kind": "proforma"},
        "orders.cancel_order": {"order_id": order["id"]},
        "orders.list_orders": {"organisation_id": ours},
        "licensing.list_licences": {"organisation_id": ours},
        "licensing.assign": {
            "organisation_id": ours,
            "sku": INDUCTION,
            "people": [{"account_id": person["account_id"]}],
        },
        "certificates.list_results": {"organisation_id": ours},
        "certificates.request_archive": {"organisation_id": ours},
        "identity.list_people": {"organisation_id": ours},
        "identity.add_people": {"organisation_id": ours, "people": [row(399)]},
        "identity.close_account": {"account_id": person["account_id"]},
    }
    forged_key, _ = generate_key_pair()
    forged = insider.principal("manager", "admin", organisation_id=UUID(ours), key=forged_key)
    genuine = insider.principal("manager", organisation_id=UUID(ours))
    head, _, tail = genuine.partition(".")
    for nobody in (forged, None, "", "none", f"{head}.{tail[:-8]}AAAAAAAA", "eyJhbGciOiJub25lIn0.e30."):
        for method, request in questions.items():
            with pytest.raises(Unauthenticated):
                insider.call(method, request, nobody)
    others = insider.principal("manager", organisation_id=uuid4())
    for method, request in questions.items():
        with pytest.raises(NotFound):
            insider.call(method, request, others)
    member = insider.principal("member", organisation_id=UUID(ours))
    for method in ("orders.cancel_order", "licensing.assign", "identity.add_people", "certificates.request_archive"):
        with pytest.raises((Forbidden, NotFound)):
            insider.call(method, questions[method], member)
    with pytest.raises(Forbidden):
        insider.call("notifications.list_mails", {}, genuine)
    assert insider.call("orders.get_order", questions["orders.get_order"], genuine)["state"] == order["state"]


# --- the page of the API ----------------------------------------------------------------------------------------


def test_the_browsable_page_opens_without_a_word_from_the_security_policy(
    stack: RunningStack, browser: Browser
) -> None:
    page = browser.new_page()
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(stack.urls["api"])
    page.get_by_role("button", name="POST /api/v1/orders", exact=False).first.wait_for()
    page.locator(".opblock-summary-control").first.click()
    page.locator(".opblock-body").first.wait_for()
    assert said == []
    page.close()
