"""The attempt's states by the clock alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.chassis.clock import ManualClock
from libs.contracts.base import Event
from libs.contracts.errors import Conflict, NotFound
from libs.contracts.identity import SignInAwaitingFactor, SignInReported, SignInSettled
from services.identity.model import SignIn
from services.identity.model.sign_in import OPEN, Deadlines

ACCOUNT = UUID(int=7)
DEADLINES = Deadlines()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def begun(clock: ManualClock, *, must_change_password: bool = False) -> SignIn:
    return SignIn.begin(
        ACCOUNT,
        browser_digest="a" * 64,
        network="",
        device="",
        must_change_password=must_change_password,
        now=clock.now(),
        deadlines=DEADLINES,
    )


def recorded(attempt: SignIn) -> list[Event]:
    return [event for event, _ in attempt.__dict__.get("_recorded", ())]


def test_an_attempt_asks_for_the_factor_with_a_code_of_two_digits(clock: ManualClock) -> None:
    codes = set()
    for _ in range(200):
        attempt = begun(clock)
        (event,) = recorded(attempt)
        assert isinstance(event, SignInAwaitingFactor)
        assert event.code == attempt.code
        assert event.expires_at == clock.now() + timedelta(minutes=5)
        codes.add(event.code)
    assert all(len(code) == 2 and code.isdigit() for code in codes)
    assert len(codes) > 50


def test_a_demanded_change_comes_before_the_factor(clock: ManualClock) -> None:
    attempt = begun(clock, must_change_password=True)
    assert (attempt.state, attempt.code, recorded(attempt)) == ("password_change_required", None, [])
    clock.advance(timedelta(minutes=14))
    attempt.password_changed(clock.now(), DEADLINES)
    assert attempt.state == "awaiting_factor"
    assert attempt.expires_at == clock.now() + timedelta(minutes=5), "the five minutes start with the request"


def test_a_change_that_takes_too_long_is_refused(clock: ManualClock) -> None:
    attempt = begun(clock, must_change_password=True)
    clock.advance(timedelta(minutes=15))
    with pytest.raises(Conflict) as refusal:
        attempt.password_changed(clock.now(), DEADLINES)
    assert refusal.value.params == {"state": "expired"}


@pytest.mark.story("MON-34")
@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(0), "approved"),
        (timedelta(minutes=4, seconds=59, milliseconds=999), "approved"),
        (timedelta(minutes=5), "expired"),
        (timedelta(minutes=5, seconds=1), "expired"),
    ],
)
def test_an_approval_counts_only_before_the_deadline(clock: ManualClock, after: timedelta, state: str) -> None:
    attempt = begun(clock)
    clock.advance(after)
    attempt.approve(clock.now(), clock.now(), DEADLINES)
    assert attempt.state == state


def test_an_approval_in_time_that_arrives_late_is_void(clock: ManualClock) -> None:
    attempt, in_time = begun(clock), clock.now()
    clock.advance(timedelta(minutes=5))
    attempt.approve(in_time, clock.now(), DEADLINES)
    assert attempt.state == "expired"


@pytest.mark.parametrize("state", ["not_registered", "refused", "expired", "unavailable", "withheld"])
def test_the_first_outcome_stays(clock: ManualClock, state: str) -> None:
    attempt = begun(clock)
    attempt.fail(state, clock.now())
    attempt.approve(clock.now(), clock.now(), DEADLINES)
    attempt.fail("unavailable", clock.now())
    attempt.cancel(clock.now())
    attempt.expire(clock.now() + timedelta(hours=1))
    assert attempt.state == state
    assert [event.state for event in recorded(attempt) if isinstance(event, SignInSettled)] == [state]


@pytest.mark.story("MON-36")
def test_an_approval_is_used_once(clock: ManualClock) -> None:
    attempt = begun(clock)
    attempt.approve(clock.now(), clock.now(), DEADLINES)
    attempt.complete(clock.now())
    with pytest.raises(Conflict):
        attempt.complete(clock.now())


def test_an_attempt_is_shown_to_its_browser_alone(clock: ManualClock) -> None:
    attempt = begun(clock)
    attempt.show_to("a" * 64)
    with pytest.raises(NotFound):
        attempt.show_to("b" * 64)


def test_every_open_state_expires(clock: ManualClock) -> None:
    changing, waiting, approved = begun(clock, must_change_password=True), begun(clock), begun(clock)
    approved.approve(clock.now(), clock.now(), DEADLINES)
    assert {changing.state, waiting.state, approved.state} == set(OPEN)
    clock.advance(timedelta(hours=1))
    for attempt in (changing, waiting, approved):
        assert attempt.state_at(clock.now()) == "expired"
        attempt.expire(clock.now())
        assert attempt.state == "expired"
    assert [event for event in recorded(changing) if isinstance(event, SignInSettled)] == [], "nobody asked mfa"


def test_cancelling_after_the_deadline_expires(clock: ManualClock) -> None:
    attempt = begun(clock)
    clock.advance(timedelta(minutes=5))
    attempt.cancel(clock.now())
    assert attempt.state == "expired"


def test_not_me_is_reported_even_after_the_end(clock: ManualClock) -> None:
    attempt = begun(clock)
    attempt.fail("refused", clock.now())
    attempt.cancel(clock.now(), not_me=True)
    assert isinstance(recorded(attempt)[-1], SignInReported)
    assert attempt.state == "refused"
