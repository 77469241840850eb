"""What a service declares: its RPC methods and its handlers' names."""

import types
from uuid import UUID

import pytest

from libs.contracts.base import contract
from libs.messaging.jobs import NamedHandler
from libs.messaging.rpc import ServiceRpc, command, query, rpc_class_of
from libs.messaging.work import Work


@contract
class Ask:
    """A question."""

    id: UUID


@contract
class Told:
    """An answer."""

    text: str


class ShopRpc(ServiceRpc):
    """A service."""

    name = "shop"

    @command
    def buy(self, work: Work, request: Ask) -> Told:
        return Told(text="bought")

    @command(remember=False, public=True)
    def enter(self, work: Work, request: Ask) -> None:
        return None

    @query(public=True)
    def look(self, work: Work, request: Ask) -> list[Told]:
        return []

    @query
    def find(self, work: Work, request: Ask) -> Told | None:
        return None

    def helper(self) -> None:
        """Not a method of the service: it is not marked."""


def test_methods_are_listed_with_their_kind_and_contracts() -> None:
    everything = {method.name: method for method in ShopRpc.methods()}
    listed = {name: method for name, method in everything.items() if "dead_letter" not in name}

    assert list(listed) == ["buy", "enter", "find", "look"]
    assert len(everything) == len(listed) + 4, "every service lets an administrator deal with its dead letters"
    assert [(one.kind, one.public, one.remember) for one in listed.values()] == [
        ("command", False, True),
        ("command", True, False),
        ("query", False, False),
        ("query", True, False),
    ]
    assert (listed["buy"].request, listed["buy"].answer) == (Ask, Told)
    assert (listed["look"].answer, listed["enter"].answer) == (list[Told], type(None))
    assert listed["buy"].routing_key == "shop.buy"


def test_a_method_can_be_called_directly() -> None:
    request = Ask(id=UUID(int=1))

    assert ShopRpc().buy(None, request) == Told(text="bought")  # type: ignore[arg-type]


def declared(function: object) -> type[ServiceRpc]:
    return type("Odd", (ServiceRpc,), {"name": "odd", "odd": command(function)})  # type: ignore[call-overload]


def no_work(self: object, request: Ask) -> None: ...
def no_contract(self: object, work: Work, request: str) -> None: ...
def no_answer(self: object, work: Work, request: Ask): ...  # type: ignore[no-untyped-def]
def plain_answer(self: object, work: Work, request: Ask) -> int: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_work, r"takes \(self, work"),
        (no_contract, "request must be a contract"),
        (no_answer, "answer must be a contract"),
        (plain_answer, "answer must be a contract"),
    ],
)
def test_a_method_that_cannot_be_served_is_refused_when_the_process_starts(function: object, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        declared(function).methods()


def test_the_rpc_class_of_a_module_is_the_one_defined_there() -> None:
    module = types.ModuleType("services.shop.rpc")
    with pytest.raises(TypeError, match="must define one ServiceRpc, not 0"):
        rpc_class_of(module)
    own = type("ShopRpc", (ServiceRpc,), {"__module__": "services.shop.rpc"})
    module.ShopRpc, module.ServiceRpc = own, ServiceRpc  # type: ignore[attr-defined]

    assert rpc_class_of(module) is own


def test_a_handler_is_named_by_its_module_and_itself() -> None:
    def pay(work: Work, event: object) -> None: ...

    named = NamedHandler.of(pay)

    assert named.name.startswith("test_declarations.")
    assert named.name.endswith("pay")
