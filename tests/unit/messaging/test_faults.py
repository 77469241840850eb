"""What kind of failure an exception is."""

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from libs.contracts.errors import Conflict
from libs.messaging import faults


def wrapped(original: Exception, *, invalidated: bool = False, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    return kind("SELECT 1", {}, original, connection_invalidated=invalidated)


class TooMany(psycopg.OperationalError):
    sqlstate = "53300"


class ShutDown(psycopg.OperationalError):
    sqlstate = "57P01"


class DiskBroken(psycopg.OperationalError):
    sqlstate = "58030"


@pytest.mark.parametrize(
    ("error", "collision", "overload", "outage"),
    [
        (StaleDataError("x"), True, False, False),
        (wrapped(errors.SerializationFailure()), True, False, False),
        (wrapped(errors.DeadlockDetected()), True, False, False),
        (wrapped(errors.LockNotAvailable()), False, True, False),
        (wrapped(errors.QueryCanceled()), False, True, False),
        (PoolTimeout("x"), False, True, True),
        (wrapped(psycopg.OperationalError("cannot connect")), False, False, True),
        (wrapped(TooMany()), False, False, True),
        (wrapped(ShutDown()), False, False, True),
        (wrapped(DiskBroken()), False, False, False),
        (wrapped(DiskBroken(), invalidated=True), False, False, True),
        (wrapped(errors.UniqueViolation(), kind=IntegrityError), False, False, False),
        (RuntimeError("x"), False, False, False),
        (Conflict(), False, False, False),
    ],
)
def test_failures_are_told_apart(error: Exception, collision: bool, overload: bool, outage: bool) -> None:
    assert (faults.is_collision(error), faults.is_overload(error), faults.is_outage(error)) == (
        collision,
        overload,
        outage,
    )


def fail() -> None:
    try:
        raise ValueError("ivan@example.org")
    except ValueError as cause:
        raise RuntimeError("Ivan Petrov") from cause


def test_a_log_learns_where_a_failure_came_from_and_not_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOG_EXCEPTIONS", raising=False)
    with pytest.raises(RuntimeError, match="Petrov") as caught:
        fail()

    told = faults.for_log(caught.value)

    assert [one["kind"] for one in told["trail"]] == ["RuntimeError", "ValueError"]
    assert told["trail"][0]["frames"][-1].endswith(" fail")
    assert told["failure"].startswith("RuntimeError at unit/messaging/test_faults.py:")
    assert "Petrov" not in repr(told)
    assert "example.org" not in repr(told)


def test_a_developer_may_ask_for_the_whole_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_EXCEPTIONS", "full")
    error = RuntimeError("whatever")

    assert faults.for_log(error) == {"exc_info": error}


def test_a_description_names_the_kind_and_the_code_of_a_refusal() -> None:
    assert str(faults.describe(Conflict("not_enough_seats"))) == "Conflict not_enough_seats"
    assert (
        str(faults.describe(wrapped(errors.UniqueViolation(), kind=IntegrityError))) == "IntegrityError UniqueViolation"
    )
