"""One id runs through every log line of a deed, and no log line tells anybody's secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.actors import statement, transfer
from tests.e2e.programs import NEW_PASSWORD, Program, demo, issued_password
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SIMULATORS = {"push-app", "mail", "bank"}


def programs(stack: RunningStack) -> list[str]:
    """The product's own programs."""
    return [one.name for one in stack.stack.programs if one.name not in SIMULATORS]


def programs_with(stack: RunningStack, correlation_id: str) -> set[str]:
    """Whose log lines carry this id."""
    return {
        name
        for name in programs(stack)
        if any(line.get("correlation_id") == correlation_id for line in stack.log(name))
    }


@pytest.fixture(scope="module")
def manager(stack: RunningStack) -> Program:
    return demo(stack, "manager")


@pytest.fixture(scope="module")
def finance(stack: RunningStack) -> Program:
    return demo(stack, "finance")


def test_one_id_leads_from_the_upload_of_a_statement_to_the_seats(
    stack: RunningStack, manager: Program, finance: Program, tmp_path: Path
) -> None:
    organisation = manager.get("/me")["organisation_id"]
    body = {"organisation_id": organisation, "lines": [{"sku": "power-bi-pro", "quantity": 1}], "language": "bg"}
    placed = manager.call("POST", "/orders", json=body)
    by_order = placed.headers["X-Correlation-Id"]
    order = placed.json()
    # The proforma is made and mailed by workers, under the id of the request that placed the order.
    wanted = {"gateway", "orders-rpc", "orders-worker", "notifications-worker"}
    eventually(lambda: wanted <= programs_with(stack, by_order), timeout=30, every=0.2)

    payment = order["payment"]
    transfer(stack.urls, iban=payment["iban"], amount=payment["amount"]["amount"], reason=payment["reference"])
    uploaded = finance.upload(statement(stack.urls, payment["iban"], "camt.053.001.08", tmp_path).read_bytes())
    by_upload = uploaded.headers["X-Correlation-Id"]
    assert finance.outcome(uploaded)["state"] == "done"
    wanted = {"gateway", "orders-rpc", "orders-worker", "licensing-worker", "notifications-worker"}
    eventually(lambda: wanted <= programs_with(stack, by_upload), timeout=30, every=0.2)
    assert by_upload != by_order


def test_a_refusal_is_found_under_the_number_that_its_page_shows(stack: RunningStack, manager: Program) -> None:
    problem = manager.problem("POST", "/orders", 422, json={"organisation_id": "?", "lines": []})
    found = eventually(lambda: programs_with(stack, problem["correlation_id"]), timeout=10)
    assert "gateway" in found
    assert "orders-rpc" not in found


def test_no_line_of_any_log_holds_what_only_its_owner_should_know(
    stack: RunningStack, manager: Program, finance: Program
) -> None:
    organisation = manager.get("/me")["organisation_id"]
    rows = [{"given_name": "Тодор", "family_name": "Тайнев", "email": "secret.marker@broker.example",
             "phone": "+359880000777"}]  # fmt: skip
    manager.post(f"/organisations/{organisation}/people", {"people": rows})
    passwords = [account["password"] for account in stack.accounts.values()]
    passwords += [issued_password(stack, rows[0]["email"]), NEW_PASSWORD]
    people = manager.get(f"/organisations/{organisation}/people?page_size=200")["items"]
    personal = {value for one in people for value in (one["email"], one["phone"], one["phone"].removeprefix("+359"))}
    personal |= {name for one in people for name in (f"{one['given_name']} {one['family_name']}",)}
    personal |= {value for one in stack.accounts.values() for value in (one["email"], one["phone"])}
    assert rows[0]["email"] in personal
    secrets = {value for value in (*passwords, *personal, manager.token, finance.token) if value}
    told = {}
    for name in programs(stack):
        lines = [json.dumps(line, ensure_ascii=False) for line in stack.log(name)]
        assert lines, f"{name} logged nothing"
        told[name] = sorted({secret for secret in secrets for line in lines if secret in line})
    assert {name: found for name, found in told.items() if found} == {}
