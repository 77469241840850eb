"""What kind of failure an exception is, which decides whether to try again, when, and what to tell."""

import os
from dataclasses import dataclass
from traceback import FrameSummary, extract_tb
from typing import Any

from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled, SerializationFailure
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from libs.contracts.errors import ServiceError

COLLISIONS = 5
"""How often a deed that collided with another is tried before the caller hears of it."""

CHAIN = 4
"""How many causes of an exception a log names."""

FRAMES = 12
"""How many frames of each."""


def is_collision(error: BaseException) -> bool:
    """Two transactions met on the same rows; the loser may simply run again."""
    if isinstance(error, StaleDataError):
        return True
    return isinstance(error, DBAPIError) and isinstance(error.orig, SerializationFailure | DeadlockDetected)


def is_overload(error: BaseException) -> bool:
    """The database answers, but not in time."""
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and isinstance(error.orig, LockNotAvailable | QueryCanceled)


def is_lost_connection(error: BaseException) -> bool:
    """The connection broke while it was used; the pool has thrown it away."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_outage(error: BaseException) -> bool:
    """The database does not answer at all, or has just dropped the connection."""
    if is_collision(error) or is_overload(error) or not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    # 08: connection, 53: no connections left, 57P: shut down or starting up; none: it never came to a session
    return isinstance(error, OperationalError | InterfaceError) and (
        state is None or state.startswith(("08", "53", "57P"))
    )


@dataclass(frozen=True, kw_only=True)
class Description:
    """An exception without its text, which might hold personal data."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.place}" if self.place else self.kind


def for_log(error: BaseException) -> dict[str, Any]:
    """What a log may say of an unexpected exception: its kind and its way, and not its text, which may name a person.

    With ``LOG_EXCEPTIONS=full``, for developers' machines, the whole traceback.
    """
    if os.environ.get("LOG_EXCEPTIONS") == "full":
        return {"exc_info": error}
    trail: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(trail) < CHAIN:
        frames = [f"{_short(frame)}:{frame.lineno} {frame.name}" for frame in extract_tb(cause.__traceback__)[-FRAMES:]]
        trail.append({"kind": describe(cause).kind, "frames": frames})
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return {"failure": str(describe(error)), "trail": trail}


def _short(frame: FrameSummary) -> str:
    return "/".join(frame.filename.split("/")[-3:])


def describe(error: BaseException) -> Description:
    """The kind of an exception and the place in our own code that raised it."""
    kind = type(error).__name__
    if isinstance(error, ServiceError):
        kind = f"{kind} {error.code}"
    elif isinstance(error, DBAPIError) and error.orig is not None:
        kind = f"{kind} {type(error.orig).__name__}"
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f"{_short(ours[-1])}:{ours[-1].lineno} {ours[-1].name}" if ours else ""
    return Description(kind=kind, place=place)
