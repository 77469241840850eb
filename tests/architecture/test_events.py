"""Every event type is told by its service, and heard by somebody or known to be for others."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable

from deploy.local.pages import heard_by_gateway
from gateway.hearing import HEARD
from libs.contracts.base import EVENTS
from libs.messaging.topology import load_contracts, services_in_the_house, source_of, subscriptions_of
from tests.architecture.repository import SERVICES, python_files, tree_of

# Told for reports and for other systems: no service of ours needs them today.
FOR_OTHERS = {
    "certificates.module_passed.v1",
    "licensing.seats_granted.v1",
    "mfa.challenge_issued.v1",
    "orders.order_placed.v1",
}


def made_in(trees: Iterable[ast.Module]) -> set[str]:
    """The names of classes that are called, which is how an event is made."""
    return {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }


def untold(events: dict[str, type], made_by: dict[str, set[str]]) -> list[str]:
    """Events that their own service never makes."""
    return sorted(kind for kind, event in events.items() if event.__name__ not in made_by.get(source_of(kind), set()))


def unheard(events: Iterable[str], heard: set[str], for_others: set[str]) -> list[str]:
    """Events that nobody hears and that are not known to be for others."""
    return sorted(set(events) - heard - for_others)


def _heard_by_services() -> set[str]:
    return set().union(*(subscriptions_of(service) for service in SERVICES))


def test_every_event_is_told_by_its_own_service() -> None:
    load_contracts()
    made_by = {
        service: made_in(tree_of(path) for path in python_files("services") if service in path.parts)
        for service in SERVICES
    }
    assert untold(EVENTS, made_by) == []


def test_every_event_is_heard_or_known_to_be_for_others() -> None:
    load_contracts()
    assert unheard(EVENTS, _heard_by_services() | heard_by_gateway(), FOR_OTHERS) == []


def test_the_gateway_may_bind_to_what_it_listens_to_and_to_nothing_else() -> None:
    assert heard_by_gateway() == HEARD


def test_no_event_is_both_heard_and_for_others() -> None:
    assert sorted(FOR_OTHERS & (_heard_by_services() | heard_by_gateway())) == []


def test_every_queue_of_events_has_a_worker_that_consumes_it() -> None:
    assert services_in_the_house() == sorted(SERVICES)
    for service in SERVICES:
        assert hasattr(importlib.import_module(f"services.{service}.worker"), "SUBSCRIPTIONS")


def test_an_event_that_nobody_makes_is_found() -> None:
    class OrderForgotten: ...

    assert untold({"orders.order_forgotten.v1": OrderForgotten}, {"licensing": {"OrderForgotten"}}) == [
        "orders.order_forgotten.v1"
    ]


def test_an_event_that_nobody_hears_is_found() -> None:
    assert unheard(["a.b.v1", "a.c.v1", "a.d.v1"], {"a.b.v1"}, {"a.c.v1"}) == ["a.d.v1"]
