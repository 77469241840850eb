"""How a page reaches a service: one client class for each service, one method for each remote deed."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, TypeVar, cast, get_args, get_origin
from uuid import UUID

from flask import current_app, has_request_context
from werkzeug.local import LocalProxy

from gateway.commands import command_id
from gateway.security.session import caller_token
from libs.contracts import dead_letters as letters
from libs.contracts.base import Event, Nothing, dump, load
from libs.contracts.errors import Unavailable

V = TypeVar("V")
C = TypeVar("C", bound="Remote")
E = TypeVar("E", bound=Event)


class Subscription(Protocol):
    """A wait for events about one subject."""

    def get(self, timeout: float) -> Event | None:
        """The next event, or None after ``timeout`` seconds or when the process stops."""


class Caller(Protocol):
    """What clients need of the bus."""

    def call(self, routing_key: str, request: Mapping[str, Any], headers: Mapping[str, str], timeout: float) -> Any:
        """Ask and wait for the answer; raises a ``ServiceError``."""

    def listen(self, event: type[E], heard: Callable[[E], None]) -> None:
        """Call ``heard`` for every such event that any service tells from now on."""

    def subscribe(self, event: type[Event], subject: str) -> AbstractContextManager[Subscription]:
        """Wait for events about one subject."""

    def check(self) -> None:
        """Raise where the broker is out of reach."""


class Remote:
    """A service as the gateway sees it. Subclasses set ``service`` and wrap ``_ask`` (reads) and ``_tell`` (deeds)."""

    service: ClassVar[str]

    def __init__(self, bus: Caller, timeout: float) -> None:
        self._bus = bus
        self._timeout = timeout

    def _ask(self, method: str, request: Any, answer: type[V], *, patience: float = 1.0) -> V:
        """Ask a question; it changes nothing, so it is asked once more where the first answer did not come.

        ``patience``: how many times longer than usual the answer may take.
        """
        return self._call(method, request, answer, {}, self._timeout / 2 * patience)

    def _tell(self, method: str, request: Any, answer: type[V], *, part: str = "", patience: float = 1.0) -> V:
        """Have a deed done, once: where the answer did not come it is told again under the same command id.

        A request that does the same kind of deed several times names each with ``part``; ``patience`` as in ``_ask``.
        """
        name = str(command_id(f"{self.service}.{method}", part))
        return self._call(method, request, answer, {"nameko.command_id": name}, self._timeout / 2 * patience)

    # What every service answers to an administrator

    def list_dead_letters(self, request: letters.ListDeadLetters) -> letters.DeadLetters:
        """A page of what the service has given up on, and the kinds of all that wait."""
        return self._ask("list_dead_letters", request, letters.DeadLetters, patience=0.5)

    def get_dead_letter(self, letter_id: UUID) -> letters.DeadLetterView:
        """One letter with its body, its headers and its history."""
        return self._ask("get_dead_letter", letters.GetDeadLetter(letter_id=letter_id), letters.DeadLetterView)

    def replay_dead_letters(self, request: letters.ReplayDeadLetters) -> letters.DeadLettersDealtWith:
        """Give letters back to their handlers."""
        return self._tell("replay_dead_letters", request, letters.DeadLettersDealtWith, patience=2)

    def discard_dead_letters(self, request: letters.DiscardDeadLetters) -> letters.DeadLettersDealtWith:
        """Give letters up for good."""
        return self._tell("discard_dead_letters", request, letters.DeadLettersDealtWith, patience=2)

    def _call(self, method: str, request: Any, answer: type[V], headers: dict[str, str], timeout: float) -> V:
        if has_request_context() and (token := caller_token()):
            headers["nameko.principal"] = token
        routing_key, body = f"{self.service}.{method}", dump(request)
        try:
            result = self._bus.call(routing_key, body, headers, timeout)
        except Unavailable as error:
            if error.code != "no_answer":
                raise
            result = self._bus.call(routing_key, body, headers, timeout)
        return _read(answer, result)


def _read(answer: type[V], result: Any) -> V:
    """The answer as its contract; a deed that answers nothing gives ``Nothing``, a list is read one by one."""
    if answer is Nothing and result is None:
        return cast(V, Nothing())
    if get_origin(answer) is list:
        (item,) = get_args(answer)
        return cast(V, [load(item, each) for each in result])
    return load(answer, result)


class Clients:
    """The clients of one application, made when first used; tests put others in their place."""

    def __init__(self, bus: Caller, timeout: float) -> None:
        self._bus = bus
        self._timeout = timeout
        self._made: dict[type[Remote], Remote] = {}

    def of(self, cls: type[C]) -> C:
        """The client of this class."""
        if cls not in self._made:
            self._made[cls] = cls(self._bus, self._timeout)
        return cast(C, self._made[cls])

    def replace(self, cls: type[C], other: Any) -> None:
        """Let ``other`` answer in the place of a client."""
        self._made[cls] = other


def client(cls: type[C]) -> C:
    """A name for the present application's client: ``identity = client(IdentityClient)`` at the end of its module."""
    return cast(C, LocalProxy(lambda: current_app.extensions["clients"].of(cls)))
