"""Every method, called by everybody, about things of everybody: who may, may; who may not, learns nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.authorisation import Row, all_methods, read_matrix
from tests.integration.authorisation.world import (
    ABSENT,
    ACTORS,
    PRETENDERS,
    ROLE_OF,
    World,
    organisation_of,
)

MATRIX = read_matrix()
WorldOf = Callable[[str], World]

DONE = "done"


def outcome(answer: dict[str, Any]) -> str:
    """``done``, or the kind of the refusal."""
    return DONE if answer["error"] is None else str(answer["error"]["value"]["kind"])


def asked(world: World, row: Row, actor: str | None, owner: str) -> str:
    """What becomes of the call; a refusal that the world's state explains counts as done."""
    answer = world.ask(row.method, world.request(row.method, owner), by=actor)
    if answer["error"] and answer["error"]["value"]["code"] == world.refusals.get(row.method):
        return DONE
    return outcome(answer)


def owners_for(world: World, row: Row, actor: str) -> list[str]:
    """Of whom the named things may be: the caller, the caller's organisation, another one, nobody."""
    if not world.names_something(row.method):
        return [actor]
    own = [actor] if row.scope(ROLE_OF[actor]) == "own" else []
    return list(dict.fromkeys([*own, "member_a", "member_b", ABSENT]))


def allowed(row: Row, actor: str, owner: str) -> bool:
    """What the table says."""
    scope = row.scope(ROLE_OF[actor])
    if scope == "own":
        return owner == actor
    if scope == "organisation":
        return organisation_of(owner) is not None and organisation_of(owner) == organisation_of(actor)
    return scope is not None and owner != ABSENT


def expected(world: World, row: Row, actor: str, owner: str) -> set[str]:
    """The outcomes that the table admits."""
    if allowed(row, actor, owner) or (not world.names_something(row.method) and row.scope(ROLE_OF[actor])):
        return {DONE}
    if row.scope(ROLE_OF[actor]) in ("any", "browser"):  # an absent one: lists are empty, all else is not there
        return {DONE, "not_found", "invalid", "unauthenticated"}
    if row.scope(ROLE_OF[actor]):
        return {"not_found"}
    if organisation_of(actor) is None or organisation_of(actor) == organisation_of(owner):
        return {"forbidden"}
    return {"forbidden", "not_found"}


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_whoever_may_call_a_method_may_and_nobody_else(name: str, actor: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)

    found = {owner: asked(world, row, actor, owner) for owner in owners_for(world, row, actor)}

    wrong = {owner: one for owner, one in found.items() if one not in expected(world, row, actor, owner)}
    assert wrong == {}


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_what_is_somebody_elses_is_answered_like_what_there_is_not(name: str, actor: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)
    refused = [owner for owner in owners_for(world, row, actor) if not allowed(row, actor, owner) and owner != actor]
    foreign = [
        owner for owner in refused if organisation_of(owner) != organisation_of(actor) or row.scope(ROLE_OF[actor])
    ]

    answers = [world.ask(name.partition(".")[2], world.request(row.method, owner), by=actor) for owner in foreign]

    assert len({json.dumps(answer, sort_keys=True) for answer in answers}) <= 1


@pytest.mark.parametrize("name", sorted(MATRIX))
def test_nobody_is_let_in_to_public_methods_alone(name: str, world_of: WorldOf) -> None:
    row = MATRIX[name]

    found = asked(world_of(row.service), row, None, "member_a")

    assert found == (DONE if row.is_public else "unauthenticated")


@pytest.mark.parametrize("pretender", PRETENDERS)
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_a_pretender_is_refused_everywhere(name: str, pretender: str, world_of: WorldOf) -> None:
    row = MATRIX[name]

    assert asked(world_of(row.service), row, pretender, "member_a") == "unauthenticated"


@pytest.mark.parametrize("name", sorted(name for name, row in MATRIX.items() if not row.is_public))
def test_no_answer_to_people_of_an_organisation_tells_of_others(name: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)
    leaks = {}
    for actor in (actor for actor in ACTORS if organisation_of(actor) and row.scope(ROLE_OF[actor])):
        owner = actor if row.scope(ROLE_OF[actor]) == "own" else f"member_{organisation_of(actor)}"
        leaks[actor] = leaked(world, world.ask(row.method, world.request(row.method, owner), by=actor), actor)

    assert {actor: marks for actor, marks in leaks.items() if marks} == {}


@pytest.mark.parametrize("name", ["identity.list_organisations", "identity.list_people", "orders.get_order"])
def test_data_of_another_organisation_are_found_in_an_answer(name: str, world_of: WorldOf) -> None:
    row = MATRIX[name]
    world = world_of(row.service)

    answer = world.ask(row.method, world.request(row.method, "member_b"), by="clerk")

    assert leaked(world, answer, "manager_a")


def leaked(world: World, answer: dict[str, Any], viewer: str) -> set[str]:
    """Ids and names in an answer that its viewer should not see."""
    text = json.dumps(answer, ensure_ascii=False)
    return {mark for mark in world.marks(*_others(viewer), hidden_from=viewer) if mark in text}


def _others(actor: str) -> list[str]:
    """Whose things somebody must not see: a manager, those of the other organisation; a member, all others'."""
    side = organisation_of(actor)
    if ROLE_OF[actor] == "manager":
        return [one for one in ACTORS if organisation_of(one) not in (side, None)]
    return [one for one in ACTORS if one != actor]


# --- the table itself -------------------------------------------------------------------------------------------


def faults(rows: dict[str, Row], methods: dict[str, bool]) -> list[str]:
    """Methods without a row, rows without a method, rows that speak of ``anyone`` where a principal is demanded."""
    return [
        *(f"no row: {name}" for name in sorted(methods.keys() - rows.keys())),
        *(f"no such method: {name}" for name in sorted(rows.keys() - methods.keys())),
        *(
            f"public differs: {name}"
            for name in sorted(rows.keys() & methods.keys())
            if rows[name].is_public != methods[name]
        ),
    ]


def test_every_method_has_its_row() -> None:
    assert faults(MATRIX, {name: method.public for name, method in all_methods().items()}) == []


def test_a_method_without_a_row_and_a_row_that_is_wrong_are_found() -> None:
    rows = {
        name: Row(service="x", method=name, scopes={role: "any"})
        for name, role in {"x.open": "anyone", "x.shut": "anyone", "x.gone": "admin"}.items()
    }
    assert faults(rows, {"x.open": True, "x.shut": False, "x.new": False}) == [
        "no row: x.new",
        "no such method: x.gone",
        "public differs: x.shut",
    ]


def test_the_tests_find_somebody_who_may_too_much(world_of: WorldOf) -> None:
    world = world_of("orders")
    stricter = Row(service="orders", method="get_order", scopes={"clerk": "any"})

    assert asked(world, stricter, "manager_a", "member_a") not in expected(world, stricter, "manager_a", "member_a")
