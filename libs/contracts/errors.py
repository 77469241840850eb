"""One family of errors that crosses the bus by its code, never by a Python path."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with one field; ``field`` is a dotted path such as ``lines.0.quantity``."""

    field: str
    code: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class ServiceError(Exception):
    """A refusal that the caller may see: stable ``code``, English ``message``, ``params`` for its translation."""

    KIND: ClassVar[str] = "internal"
    STATUS: ClassVar[int] = 500
    CODE: ClassVar[str] = "internal"
    MESSAGE: ClassVar[str] = "Something went wrong on our side."

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        faults: Sequence[Fault] = (),
        retry_after: int | None = None,
    ) -> None:
        self.code = code or self.CODE
        self.message = message or self.MESSAGE
        self.params = dict(params or {})
        self.faults = tuple(faults)
        self.retry_after = retry_after
        super().__init__(f"{self.code}: {self.message}")


class Internal(ServiceError):
    """The unknown: nothing of its cause is told."""


class Invalid(ServiceError):
    """Fields of the request are wrong; each is named by a fault."""

    KIND, STATUS, CODE, MESSAGE = "invalid", 422, "invalid", "Some of the data is not valid."

    @classmethod
    def field(cls, name: str, code: str, **params: Any) -> "Invalid":
        """The refusal of a single field."""
        return cls(faults=[Fault(field=name, code=code, params=params)])


class Unauthenticated(ServiceError):
    """Nobody, or somebody whose proof does not hold."""

    KIND, STATUS, CODE, MESSAGE = "unauthenticated", 401, "unauthenticated", "Please sign in."


class Forbidden(ServiceError):
    """The caller is known and lacks the role."""

    KIND, STATUS, CODE, MESSAGE = "forbidden", 403, "forbidden", "You may not do this."


class NotFound(ServiceError):
    """There is no such thing, or it is somebody else's."""

    KIND, STATUS, CODE, MESSAGE = "not_found", 404, "not_found", "We could not find this."


class Conflict(ServiceError):
    """The state of things does not allow it."""

    KIND, STATUS, CODE, MESSAGE = "conflict", 409, "conflict", "This is not possible in the present state."


class RateLimited(ServiceError):
    """Too often; ``retry_after`` in seconds."""

    KIND, STATUS, CODE, MESSAGE = "rate_limited", 429, "rate_limited", "Too many attempts. Please wait a little."


class Unavailable(ServiceError):
    """A part we need does not answer; the request may be repeated with the same id."""

    KIND, STATUS, CODE, MESSAGE = "unavailable", 503, "unavailable", "The service is busy. Please try again shortly."


FAMILY: dict[str, type[ServiceError]] = {
    cls.KIND: cls
    for cls in (Internal, Invalid, Unauthenticated, Forbidden, NotFound, Conflict, RateLimited, Unavailable)
}


def to_wire(error: ServiceError) -> dict[str, Any]:
    """The JSON form of an error, as it stands in an RPC reply."""
    return {
        "kind": error.KIND,
        "code": error.code,
        "message": error.message,
        "params": error.params,
        "faults": [{"field": f.field, "code": f.code, "params": dict(f.params)} for f in error.faults],
        "retry_after": error.retry_after,
    }


def from_wire(data: Mapping[str, Any]) -> ServiceError:
    """The error of an RPC reply; an unknown kind becomes a bare :class:`Internal`."""
    cls = FAMILY.get(str(data.get("kind")), Internal)
    if cls is Internal:
        return Internal()
    return cls(
        data.get("code"),
        data.get("message"),
        params=data.get("params"),
        faults=[Fault(field=f["field"], code=f["code"], params=f.get("params", {})) for f in data.get("faults", ())],
        retry_after=data.get("retry_after"),
    )
