"""What the gateway asks for is what the services offer: same name, same kind, same contracts."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest

import gateway.clients
from gateway.clients.base import Remote
from libs.contracts.base import contract
from libs.messaging.rpc import Method, ServiceRpc, command, query
from libs.messaging.work import Work
from tests.architecture.repository import SERVICES

KINDS = {"_ask": "query", "_tell": "command"}


@dataclass(frozen=True)
class Asked:
    """One `self._ask(...)` or `self._tell(...)` of a client."""

    service: str
    method: str
    kind: str
    request: Any
    answer: Any


def asked_by(client: type[Remote], namespace: Mapping[str, Any]) -> Iterator[Asked]:
    """Everything a client class asks for."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(client)))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
            if isinstance(call.func, ast.Attribute) and call.func.attr in KINDS:
                name, request, answer = call.args[:3]
                yield Asked(
                    service=client.service,
                    method=ast.literal_eval(name),
                    kind=KINDS[call.func.attr],
                    request=_type_of(request, function, client, namespace),
                    answer=_value(answer, namespace),
                )


def _type_of(request: ast.expr, function: ast.FunctionDef, client: type[Remote], namespace: Mapping[str, Any]) -> Any:
    """The request's contract: of a call, of a local variable that holds a call, or of an annotated parameter."""
    if isinstance(request, ast.Call):
        return _value(request.func, namespace)
    assert isinstance(request, ast.Name), ast.dump(request)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _assigns(node, request.id):
            return _value(node.value.func, namespace)
    return get_type_hints(getattr(client, function.name))[request.id]


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _value(expression: ast.expr, namespace: Mapping[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression), "<client>", "eval"), dict(namespace))  # noqa: S307  our own source


def faults_of(asked: Asked, offered: Mapping[str, Method]) -> list[str]:
    """Where a question and the method that should answer it differ."""
    where = f"{asked.service}.{asked.method}"
    method = offered.get(where)
    if method is None:
        return [f"{where}: no service offers it"]
    # A deed whose answer is not remembered needs no id, so it may be asked for like a question.
    fits = method.kind == "command" if asked.kind == "command" else not method.remember
    pairs = {"kind": (asked.kind, asked.kind if fits else method.kind), "request": (asked.request, method.request)}
    pairs["answer"] = (_plain(asked.answer), _plain(method.answer))
    return [
        f"{where}: {name} is {ours!r} here, {theirs!r} there"
        for name, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def _plain(answer: Any) -> Any:
    return type(None) if answer is None else answer


def _offered() -> dict[str, Method]:
    offered = {}
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.rpc")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, ServiceRpc) and cls.__module__ == module.__name__:
                offered.update({method.routing_key: method for method in cls.methods()})
    return offered


def _all_asked() -> Iterator[Asked]:
    for found in pkgutil.iter_modules(gateway.clients.__path__):
        module = importlib.import_module(f"gateway.clients.{found.name}")
        for cls in vars(module).values():
            if (
                isinstance(cls, type)
                and issubclass(cls, Remote)
                and cls.__module__ == module.__name__
                and cls is not Remote
            ):
                yield from asked_by(cls, vars(module))


@pytest.mark.parametrize("service", SERVICES)
def test_what_every_client_may_ask_every_service_answers(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Remote, "service", service, raising=False)
    asked = list(asked_by(Remote, vars(gateway.clients.base)))
    assert len(asked) == 4
    assert [fault for one in asked for fault in faults_of(one, _offered())] == []


def test_every_question_of_the_gateway_finds_its_method() -> None:
    offered = _offered()
    asked = list(_all_asked())
    assert len(asked) > 20
    assert [fault for one in asked for fault in faults_of(one, offered)] == []


@contract
class Hello:
    """A request of the twin."""

    name: str


@contract
class Greeting:
    """Its answer."""

    text: str


class PorterRpc(ServiceRpc):
    """The service of the twin."""

    name = "porter"

    @query
    def greet(self, work: Work, request: Hello) -> Greeting:
        return Greeting(text=request.name)

    @command
    def let_in(self, work: Work, request: Hello) -> Greeting:
        return Greeting(text=request.name)


class PorterClient(Remote):
    """The client of the twin, wrong in three ways."""

    service = "porter"

    def greet(self, name: str) -> Greeting:
        """Right."""
        return self._ask("greet", Hello(name=name), Greeting)

    def let_in(self, name: str) -> Hello:
        """Asks a deed as a question, and takes another answer."""
        request = Hello(name=name)
        return self._ask("let_in", request, Hello)

    def let_out(self, request: Hello) -> Greeting:
        """Nobody does that."""
        return self._tell("let_out", request, Greeting)


def test_a_question_that_no_service_answers_so_is_found() -> None:
    offered = {method.routing_key: method for method in PorterRpc.methods()}
    faults = [fault for one in asked_by(PorterClient, globals()) for fault in faults_of(one, offered)]
    assert [fault.split(" is ")[0] for fault in faults] == [
        "porter.let_in: kind",
        "porter.let_in: answer",
        "porter.let_out: no service offers it",
    ]
