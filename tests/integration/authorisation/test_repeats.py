"""Every remembered command, told twice: one answer, one effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.authorisation import Row, all_methods, read_matrix
from libs.chassis.ids import new_id
from tests.integration.authorisation.world import ACTORS, ROLE_OF, World

MATRIX = read_matrix()
REMEMBERED = sorted(name for name, method in all_methods().items() if method.remember)
NOT_REMEMBERED = {
    "certificates.get_module": "the text of a whole module would be kept; opening it again changes nothing",
    "identity.authenticate": "the answer is a signed token; asked again it is signed again, and nothing else happens",
    "identity.begin_sign_in": "a digest of its request would be one of a password; the attempt knows its command",
    "identity.change_issued_password": "as above; the new password in place is the proof that it was done",
    "identity.change_password": "as above",
}
"""Commands whose answers are not kept, and what makes their repetition harmless instead."""
COUNTED_BY_TRY = {"throttles"}
SIGNED_ANEW = {"token", "token_expires_at"}
WorldOf = Callable[[str], World]


def allowed_call(world: World, row: Row) -> tuple[str | None, dict[str, Any]]:
    """Somebody who may call the method, and a request that the state of the world does not refuse."""
    if row.is_public:
        return None, world.request(row.method, "member_a")
    ranked = sorted(ACTORS, key=lambda actor: row.scope(ROLE_OF[actor]) != "any")
    actor = next(one for one in ranked if row.scope(ROLE_OF[one]))
    return actor, world.request(row.method, actor if row.scope(ROLE_OF[actor]) == "own" else "member_a")


def changed(content: dict[str, Any]) -> dict[str, Any]:
    """Another body for the same deed."""
    return {**content, "said_differently": True}


@pytest.mark.parametrize("name", REMEMBERED)
def test_the_same_command_twice_has_one_effect_and_one_answer(name: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)
    actor, content = allowed_call(world, row)
    command_id = str(new_id())

    with world.undone() as connection:
        before = world.counts(connection)
        first = world.ask(row.method, content, by=actor, command_id=command_id)
        after_first = world.counts(connection)
        second = world.ask(row.method, content, by=actor, command_id=command_id)
        other = world.ask(row.method, changed(content), by=actor, command_id=command_id)
        after_all, remembered = world.counts(connection), world.remembered(connection)

    assert first["error"] is None, first
    assert second == first
    assert other["error"]["value"]["code"] == "idempotency_key_reused"
    assert after_all == after_first
    assert remembered == 1
    assert after_first["outbox"] >= before["outbox"]


def test_every_command_is_remembered_or_says_why_it_need_not_be() -> None:
    commands = {name for name, method in all_methods().items() if method.kind == "command"}

    assert commands == {*REMEMBERED, *NOT_REMEMBERED}
    assert not {*REMEMBERED} & {*NOT_REMEMBERED}


@pytest.mark.parametrize("name", sorted(NOT_REMEMBERED))
def test_what_may_not_be_kept_is_not_kept_and_does_no_more_when_it_is_told_again(name: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)
    actor, content = allowed_call(world, row)
    command_id = str(new_id())

    with world.undone() as connection:
        first = world.ask(row.method, content, by=actor, command_id=command_id)
        after_first = world.counts(connection)
        second = world.ask(row.method, content, by=actor, command_id=command_id)
        after_all, remembered = world.counts(connection), world.remembered(connection)

    assert first["error"] is None, first
    assert lasting(second) == lasting(first)
    assert remembered == 0
    assert {table for table in after_all if after_all[table] != after_first[table]} <= COUNTED_BY_TRY


def lasting(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is signed anew for each."""
    return {name: value for name, value in (answer["result"] or {}).items() if name not in SIGNED_ANEW}


def test_a_command_of_somebody_else_under_the_same_id_is_another_command(world_of: WorldOf) -> None:
    world, command_id = world_of("orders"), str(new_id())

    with world.undone() as connection:
        before = world.counts(connection)["orders"]
        ours = world.ask("place_order", world.request("place_order", "member_a"), by="manager_a", command_id=command_id)
        asked = world.request("place_order", "member_a")
        theirs = world.ask("place_order", asked, by="manager_b", command_id=command_id)
        after = world.counts(connection)["orders"]

    assert ours["error"] is None
    assert theirs["error"]["value"]["kind"] == "not_found"
    assert after == before + 1


def test_the_counts_tell_when_a_command_has_its_effect_twice(world_of: WorldOf) -> None:
    world = world_of("orders")
    content = world.request("place_order", "member_a")

    with world.undone() as connection:
        before = world.counts(connection)
        answers = [world.ask("place_order", content, by="manager_a", command_id=str(new_id())) for _ in range(2)]
        after = world.counts(connection)

    assert answers[0]["result"]["id"] != answers[1]["result"]["id"]
    assert {table: after[table] - before[table] for table in ("orders", "outbox")} == {"orders": 2, "outbox": 2}
