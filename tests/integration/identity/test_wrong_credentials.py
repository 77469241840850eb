"""Name and password that do not fit: one answer, one time, nothing told, nobody asked."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from libs.chassis.clock import ManualClock
from libs.contracts.errors import Unauthenticated, to_wire
from libs.contracts.identity import CloseAccount
from services.identity.handlers import accounts, sign_in
from services.identity.model import Throttle, temporary_password
from tests.support.builders.identity import GOOD_PASSWORD, Desk, a_principal, configure_identity
from tests.support.databases import Databases, WorkFor

WRONG = "съвсем грешна парола"


def refused(desk: Desk, login: str, password: str = WRONG, network: str = "") -> Unauthenticated:
    with pytest.raises(Unauthenticated) as refusal, desk.work_for("identity") as work:
        sign_in.begin(work, desk.begin_command(login, password, network=network))
    return refusal.value


Case = Callable[[], Unauthenticated]
STRONG = {"argon2_memory_kib": 19_456, "argon2_passes": 2}


def every_way_to_be_refused(desk: Desk, work_for: WorkFor, clock: ManualClock) -> dict[str, Case]:
    known = desk.active("finance")
    closed = desk.active("official")
    with work_for("identity", principal=a_principal("admin")) as work:
        accounts.close(work, CloseAccount(account_id=closed.id))
    expired = desk.issue("clerk")
    clock.advance(timedelta(days=14))
    invited = desk.issue("clerk")
    throttled = desk.active("admin")
    for _ in range(10):
        refused(desk, throttled.login)
    return {
        "known": lambda: refused(desk, known.login),
        "unknown": lambda: refused(desk, "nobody@broker.example"),
        "closed": lambda: refused(desk, closed.login, GOOD_PASSWORD),
        "expired": lambda: refused(desk, expired.login, expired.password),
        "invited": lambda: refused(desk, invited.login, temporary_password.generate()),
        "throttled": lambda: refused(desk, throttled.login, GOOD_PASSWORD),
    }


@pytest.mark.story("MON-15")
def test_the_answer_does_not_tell_what_was_wrong(desk: Desk, work_for: WorkFor, clock: ManualClock) -> None:
    cases = every_way_to_be_refused(desk, work_for, clock)
    before = len(desk.events())
    answers = [to_wire(case()) for case in cases.values()]
    assert answers[0]["code"] == "wrong_credentials"
    assert all(answer == answers[0] for answer in answers)
    assert len(desk.events()) == before, "nobody may be asked before the password is right"


@pytest.mark.story("MON-15")
def test_the_time_does_not_tell_what_was_wrong(
    desk: Desk, work_for: WorkFor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_identity(monkeypatch, **STRONG)
    cases = every_way_to_be_refused(desk, work_for, clock)
    # From here on nobody is slowed down any more (but the one who is already), so that each case does its own work.
    configure_identity(monkeypatch, **STRONG, free_account_failures=10_000, temporary_password_failures=10_000)
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(26):
        for name, case in cases.items():
            # Time on the processor, because other programs of this machine must not decide the test.
            began = time.thread_time()
            case()
            if round_:  # the first round warms up
                times[name].append(time.thread_time() - began)
    medians = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
    assert min(medians.values()) > 5, f"argon2 must run for each: {medians}"
    assert max(medians.values()) - min(medians.values()) < 5, medians


@pytest.mark.story("MON-15")
def test_the_database_is_asked_the_same_whatever_was_wrong(
    desk: Desk, work_for: WorkFor, clock: ManualClock, service_database: Databases
) -> None:
    cases = every_way_to_be_refused(desk, work_for, clock)
    asked: dict[str, list[str]] = {}
    for name, case in cases.items():
        statements = asked.setdefault(name, [])
        with listening(service_database("identity").engine, statements):
            case()
    assert asked["unknown"][-1] == "commit"
    assert all(statements == asked["unknown"] for name, statements in asked.items() if name != "throttled")
    # a try that is not looked at is told apart by one statement less or more, well below what a clock can see
    assert abs(len(asked["throttled"]) - len(asked["unknown"])) <= 1


@contextmanager
def listening(engine: Engine, heard: list[str]) -> Iterator[None]:
    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        heard.append(text)

    def commit(_connection: object) -> None:
        heard.append("commit")

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    yield
    event.remove(engine, "before_cursor_execute", statement)
    event.remove(engine, "commit", commit)


@pytest.mark.parametrize("exists", [True, False])
def test_failures_slow_down_further_tries_of_a_name(desk: Desk, clock: ManualClock, exists: bool) -> None:
    holder = desk.active("finance")
    login = holder.login if exists else "nobody@broker.example"
    for _ in range(10):
        refused(desk, login)
    refused(desk, login, GOOD_PASSWORD)
    clock.advance(timedelta(seconds=15))
    if exists:
        assert desk.begin(holder).state == "awaiting_factor"
    else:
        refused(desk, login)


def test_delays_grow_and_end(desk: Desk, clock: ManualClock) -> None:
    holder = desk.active("finance")
    for _ in range(10):
        refused(desk, holder.login)
    for waited in (15, 30, 60):
        clock.advance(timedelta(seconds=waited - 1))
        refused(desk, holder.login, GOOD_PASSWORD)  # not even looked at
        clock.advance(timedelta(seconds=1))
        refused(desk, holder.login)
    clock.advance(timedelta(minutes=15))
    assert desk.begin(holder).state == "awaiting_factor"


def test_the_right_password_starts_the_count_anew(desk: Desk) -> None:
    holder = desk.active("finance")
    for _ in range(3):
        for _ in range(9):
            refused(desk, holder.login)
        assert desk.begin(holder).state == "awaiting_factor"


def test_parallel_guesses_gain_nothing(desk: Desk, service_database: Databases) -> None:
    holder = desk.active("finance")
    start = threading.Barrier(16)

    def guess() -> None:
        start.wait()
        for _ in range(3):
            refused(desk, holder.login)

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with service_database("identity").sessions() as session:
        assert max(row.failures for row in session.query(Throttle)) <= 50
        names = [row for row in session.query(Throttle) if row.failures == 10]
    assert len(names) == 1, "exactly ten guesses of the name were looked at"


def test_guesses_from_elsewhere_do_not_keep_the_holder_out(desk: Desk) -> None:
    holder = desk.active("finance")
    desk.signed_in(holder, "at the office", network="192.0.2.7")
    for number in range(12):
        refused(desk, holder.login, network=f"198.51.100.{number}")
    refused(desk, holder.login, GOOD_PASSWORD, network="203.0.113.9")
    assert desk.begin(holder, network="192.0.2.7").state == "awaiting_factor"


def test_one_network_cannot_go_through_many_names(desk: Desk, clock: ManualClock) -> None:
    holder = desk.active("finance")
    for number in range(50):
        refused(desk, f"guess{number}@broker.example", network="2001:db8::1")
    refused(desk, holder.login, GOOD_PASSWORD, network="2001:db8::2")
    assert desk.begin(holder, network="2001:db8:0:1::1").state == "awaiting_factor"
    clock.advance(timedelta(seconds=15))
    assert desk.begin(holder, network="2001:db8::2").state == "awaiting_factor"


def test_the_table_of_failures_names_nobody(desk: Desk, service_database: Databases) -> None:
    refused(desk, "nobody@broker.example", network="192.0.2.7")
    with service_database("identity").sessions() as session:
        keys = [row.key for row in session.query(Throttle)]
    assert len(keys) == 2
    assert all(len(key) == 64 and "nobody" not in key and "192.0.2.7" not in key for key in keys)


def test_letter_case_of_the_name_makes_no_difference(desk: Desk) -> None:
    holder = desk.active("finance", email="Elena.Petrova@Broker.Example")
    assert holder.login == "elena.petrova@broker.example"
    with desk.work_for("identity") as work:
        view = sign_in.begin(work, desk.begin_command(" ELENA.petrova@broker.example", GOOD_PASSWORD))
    assert view.state == "awaiting_factor"


def test_a_digest_of_older_parameters_is_renewed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, service_database: Databases
) -> None:
    from services.identity.model import Credential

    holder = desk.active("finance")
    configure_identity(monkeypatch, argon2_memory_kib=128)
    desk.begin(holder)
    with service_database("identity").sessions() as session:
        assert "m=128," in session.get_one(Credential, holder.id).digest
    assert desk.begin(holder).state == "awaiting_factor"
