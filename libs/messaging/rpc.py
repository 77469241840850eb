"""What callers may ask of a service: its methods, declared in ``services/<service>/rpc.py``.

``rim.py`` serves them on nameko, ``answering.py`` says what happens between request and answer.
"""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints, overload

from libs.contracts.dead_letters import (
    DeadLetters,
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.messaging import dead_letters
from libs.messaging.work import Work

F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["command", "query"]

_MARK = "__rpc__"


@dataclass(frozen=True, kw_only=True)
class _Mark:
    kind: Kind
    public: bool
    remember: bool


@dataclass(frozen=True, kw_only=True)
class Method:
    """One deed that can be asked for; ``answer`` is what it returns: a contract, ``None``, or a list of contracts."""

    service: str
    name: str
    kind: Kind
    public: bool
    remember: bool
    request: type
    answer: Any
    function: Callable[..., Any]

    @property
    def routing_key(self) -> str:
        """Where requests for it go."""
        return f"{self.service}.{self.name}"


@overload
def command(function: F, /) -> F: ...
@overload
def command(*, public: bool = False, remember: bool = True) -> Callable[[F], F]: ...
def command(function: F | None = None, /, *, public: bool = False, remember: bool = True) -> Any:
    """Declare a deed that changes something: a read-write transaction, its answer remembered under the command's id.

    ``public``: no principal is demanded. ``remember=False``: the answer must not be stored, a repeat runs again.
    """
    return _marked(function, _Mark(kind="command", public=public, remember=remember))


@overload
def query(function: F, /) -> F: ...
@overload
def query(*, public: bool = False) -> Callable[[F], F]: ...
def query(function: F | None = None, /, *, public: bool = False) -> Any:
    """Declare a question: a read-only transaction. ``public``: no principal is demanded."""
    return _marked(function, _Mark(kind="query", public=public, remember=False))


def _marked(function: Callable[..., Any] | None, mark: _Mark) -> Any:
    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        setattr(method, _MARK, mark)
        return method

    return decorate if function is None else decorate(function)


class DeadLetterDesk:
    """What an administrator may ask of every service: to see, replay and discard its dead letters."""

    READERS: ClassVar = ("admin",)

    @query
    def list_dead_letters(self, work: Work, request: ListDeadLetters) -> DeadLetters:
        work.caller.require(*self.READERS)
        return dead_letters.list_letters(work, request)

    @query
    def get_dead_letter(self, work: Work, request: GetDeadLetter) -> DeadLetterView:
        work.caller.require(*self.READERS)
        return dead_letters.show(work, request)

    @command
    def replay_dead_letters(self, work: Work, request: ReplayDeadLetters) -> DeadLettersDealtWith:
        work.caller.require(*self.READERS)
        return dead_letters.replay(work, request, done_by=str(work.caller.account_id))

    @command
    def discard_dead_letters(self, work: Work, request: DiscardDeadLetters) -> DeadLettersDealtWith:
        work.caller.require(*self.READERS)
        return dead_letters.discard(work, request, done_by=str(work.caller.account_id))


class ServiceRpc(DeadLetterDesk):
    """Base of every service's RPC class; its methods are ``(self, work, request) -> answer``."""

    name: ClassVar[str]

    @classmethod
    def methods(cls) -> list[Method]:
        """All methods with kind and contracts, sorted by name."""
        return [
            _described(cls.name, name, function, getattr(function, _MARK))
            for name, function in inspect.getmembers(cls, inspect.isfunction)
            if hasattr(function, _MARK)
        ]


def rpc_class_of(module: types.ModuleType) -> type[ServiceRpc]:
    """The one RPC class that a ``services/<service>/rpc.py`` defines."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceRpc) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must define one ServiceRpc, not {len(found)}")
    return found[0]


def _described(service: str, name: str, function: Callable[..., Any], mark: _Mark) -> Method:
    where = f"{service}.{name}"
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)[1:]
    if len(parameters) != 2 or hints.get(parameters[0]) is not Work:
        raise TypeError(f"{where}: a method takes (self, work: Work, request: <contract>)")
    request = hints.get(parameters[1])
    if not (isinstance(request, type) and hasattr(request, "__dataclass_fields__")):
        raise TypeError(f"{where}: the request must be a contract")
    if "return" not in hints or not _is_answer(hints["return"]):
        raise TypeError(f"{where}: the answer must be a contract, a list of contracts, or None")
    return Method(
        service=service,
        name=name,
        kind=mark.kind,
        public=mark.public,
        remember=mark.remember,
        request=request,
        answer=hints["return"],
        function=function,
    )


def _is_answer(hint: Any) -> bool:
    if hint is type(None):
        return True
    if typing.get_origin(hint) is list:
        return all(_is_answer(inner) for inner in typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return all(_is_answer(inner) for inner in typing.get_args(hint))
    return hasattr(hint, "__dataclass_fields__")
