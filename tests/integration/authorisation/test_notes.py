"""What the table's rows cannot say: limits that hang on more than the caller's role and whose the object is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from libs.chassis.ids import new_id
from tests.integration.authorisation.world import World

WorldOf = Callable[[str], World]
DONE = "done"


class Case(NamedTuple):
    """A call, with what it says otherwise than usual, and the code of its answer; ``@actor.thing`` names a thing."""

    method: str
    actor: str
    answer: str
    about: str = "member_a"
    said: Mapping[str, Any] = {}


CASES = {
    "identity": [
        Case("issue_account", "manager_a", DONE, said={"role": "member"}),
        Case("issue_account", "manager_a", "forbidden", said={"role": "manager"}),
        Case("issue_account", "manager_a", "forbidden", said={"role": "admin", "organisation_id": None}),
        Case("issue_account", "manager_a", "not_found", said={"organisation_id": None}),
        Case("issue_account", "clerk", DONE, said={"role": "manager"}),
        Case("issue_account", "clerk", "forbidden", said={"role": "finance", "organisation_id": None}),
        Case("issue_account", "finance", "forbidden", said={"role": "finance", "organisation_id": None}),
        Case("issue_account", "admin", DONE, said={"role": "admin", "organisation_id": None}),
        *(
            case
            for method in ("close_account", "correct_person", "reissue_password")
            for case in (
                Case(method, "manager_a", "own_account", about="manager_a"),
                Case(method, "admin", "own_account", about="admin"),
                Case(method, "member_a", "forbidden", about="member_a"),
                Case(method, "finance", "forbidden", about="finance"),
                Case(method, "manager_a", "not_found", about="clerk"),
                Case(method, "clerk", "forbidden", about="finance"),
                Case(method, "clerk", "forbidden", about="admin"),
                Case(method, "clerk", DONE, about="manager_b"),
                Case(method, "admin", DONE, about="finance"),
            )
        ),
        Case("end_session", "admin", "not_found"),
        Case("add_people", "clerk", "not_found", about="absent"),
    ],
    "orders": [
        Case("list_orders", "manager_a", "forbidden", said={"organisation_id": None}),
        Case("list_orders", "member_a", "forbidden", said={"organisation_id": None}),
        Case("list_orders", "finance", DONE, said={"organisation_id": None}),
        Case("get_order_document", "manager_a", "not_found", said={"kind": "invoice"}),
        Case("import_bank_statement", "finance", "invalid", said={"key": "orders/proformas/1.pdf"}),
        Case("import_bank_statement", "finance", "invalid", said={"key": "uploads/../orders/proformas/1.pdf"}),
        Case("match_bank_transaction", "finance", "invalid", said={"order_number": "2026-999999"}),
    ],
    "licensing": [
        Case("assign", "manager_a", "unknown_person", said={"people": [{"account_id": "@member_b.newcomer"}]}),
        Case("assign", "manager_a", "unknown_person", said={"people": [{"account_id": "@absent.newcomer"}]}),
        Case("assign", "manager_a", "not_found", about="member_b", said={"people": [{"account_id": str(new_id())}]}),
    ],
    "certificates": [
        Case("complete_module", "member_a", "test_required"),
        Case("complete_module", "official", "test_required", about="official"),
        Case("complete_module", "clerk", DONE),
        Case("get_certificate", "member_a", "not_found", about="colleague_a"),
        Case("get_certificate", "finance", DONE),
    ],
    "notifications": [
        Case("resend_mail", "clerk", "cannot_resend", said={"mail_id": "@member_a.sent"}),
    ],
}


def resolved(world: World, value: Any) -> Any:
    """The value with the things that it names."""
    if isinstance(value, str) and value.startswith("@"):
        owner, _, thing = value[1:].partition(".")
        return world.things(owner)[thing]
    if isinstance(value, list):
        return [resolved(world, one) for one in value]
    if isinstance(value, dict):
        return {key: resolved(world, one) for key, one in value.items()}
    return value


@pytest.mark.parametrize(("service", "case"), [(service, case) for service, cases in CASES.items() for case in cases])
def test_the_limits_beside_the_table_hold(service: str, case: Case, world_of: WorldOf) -> None:
    world = world_of(service)
    content = {**world.request(case.method, case.about), **resolved(world, dict(case.said))}

    answer = world.ask(case.method, content, by=case.actor)

    assert (answer["error"]["value"]["code"] if answer["error"] else DONE) == case.answer


def test_a_list_narrowed_to_a_stranger_is_empty(world_of: WorldOf) -> None:
    identity, licensing = world_of("identity"), world_of("licensing")
    people = {**identity.request("list_people", "member_a"), "account_ids": [identity.own["member_b"]["account"]]}
    held = {**licensing.request("list_assignments", "member_a"), "account_id": licensing.own["member_b"]["account"]}

    assert identity.ask("list_people", people, by="manager_a")["result"]["items"] == []
    assert licensing.ask("list_assignments", held, by="manager_a")["result"]["items"] == []


def test_a_search_finds_nothing_of_another_organisation(world_of: WorldOf) -> None:
    world = world_of("orders")
    number = world.of_organisation["b"]["order_number"]
    found = {
        actor: world.ask("list_orders", {**world.request("list_orders", of), "search": number}, by=actor)["result"]
        for actor, of in (("manager_a", "member_a"), ("manager_b", "member_b"))
    }

    assert [len(found[actor]["items"]) for actor in ("manager_a", "manager_b")] == [0, 1]


def test_a_page_token_of_another_organisation_opens_nothing_of_it(world_of: WorldOf) -> None:
    world = world_of("orders")
    theirs = world.ask("list_orders", {**world.request("list_orders", "member_b"), "page_size": 1}, by="manager_b")
    token = theirs["result"]["next_page_token"]

    answer = world.ask("list_orders", {**world.request("list_orders", "member_a"), "page_token": token}, by="manager_a")

    assert token
    organisations = {order["organisation_id"] for order in answer["result"]["items"]}
    assert organisations <= {world.of_organisation["a"]["organisation"]}
