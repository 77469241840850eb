"""A challenge has one outcome, and the first one stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.chassis.ids import new_id
from libs.contracts.base import Event
from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeIssued,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from services.mfa.model import Challenge, Settled, State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=5)
Deed = Callable[[Challenge], None]

ENDS: dict[str, tuple[Deed, State, type[Event] | None]] = {
    "approve": (lambda it: it.approve(NOW), State.APPROVED, ChallengeApproved),
    "reject": (lambda it: it.reject(NOW), State.REJECTED, ChallengeRejected),
    "expire": (lambda it: it.expire(NOW), State.EXPIRED, ChallengeExpired),
    "give up": (lambda it: it.give_up(NOW), State.UNAVAILABLE, ChallengeUnavailable),
    "miss": (lambda it: it.miss(NOW), State.MISSING, FactorMissing),
    "withhold": (lambda it: it.withhold(NOW, DEADLINE), State.WITHHELD, ChallengeWithheld),
    "withdraw": (lambda it: it.withdraw(NOW), State.WITHDRAWN, None),
}


def requested() -> Challenge:
    return Challenge.request(
        sign_in_id=new_id(), account_id=new_id(), code="47", expires_at=DEADLINE, now=NOW, correlation_id="c"
    )


def pending() -> Challenge:
    challenge = requested()
    challenge.begin_sending(NOW, NOW)
    challenge.issue("508180755167", "717E5CE5D1E6", look_at=NOW)
    told(challenge)
    return challenge


def told(challenge: Challenge) -> list[Any]:
    return [event for event, _sequence in challenge.__dict__.pop("_recorded", ())]


def test_a_push_that_was_taken_is_told_with_its_deadline() -> None:
    challenge = requested()
    challenge.begin_sending(NOW, NOW)
    challenge.issue("508180755167", "717E5CE5D1E6", look_at=NOW)
    (event,) = told(challenge)
    assert isinstance(event, ChallengeIssued)
    assert (event.sign_in_id, event.expires_at) == (challenge.sign_in_id, DEADLINE)


@pytest.mark.parametrize("name", ENDS)
def test_every_end_is_told_once(name: str) -> None:
    deed, state, event = ENDS[name]
    challenge = pending()
    deed(challenge)
    assert challenge.state == state
    assert [type(one) for one in told(challenge)] == ([event] if event else [])
    assert not challenge.is_open


@pytest.mark.story("MON-36")
@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_no_second_end_replaces_the_first(first: str, second: str) -> None:
    challenge = pending()
    ENDS[first][0](challenge)
    told(challenge)
    with pytest.raises(Settled):
        ENDS[second][0](challenge)
    assert challenge.state == ENDS[first][1]
    assert told(challenge) == []


@pytest.mark.story("MON-29", "MON-34")
@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(hours=1)])
def test_an_approval_at_or_after_the_deadline_is_an_expiry(late: timedelta) -> None:
    challenge = pending()
    challenge.approve(DEADLINE + late)
    assert challenge.state == State.EXPIRED
    assert [type(event) for event in told(challenge)] == [ChallengeExpired]


def test_a_push_is_sent_once_and_never_again() -> None:
    challenge = requested()
    challenge.begin_sending(NOW, NOW)
    with pytest.raises(Settled):
        challenge.begin_sending(NOW, NOW)


def test_what_was_never_sent_cannot_be_approved() -> None:
    with pytest.raises(Settled):
        requested().approve(NOW)


@pytest.mark.parametrize("name", ["expire", "give up", "withdraw"])
def test_a_push_nobody_waits_for_is_taken_back(name: str) -> None:
    challenge = pending()
    ENDS[name][0](challenge)
    assert challenge.withdrawal_due_at == NOW


@pytest.mark.parametrize("name", ["approve", "reject"])
def test_an_answered_push_needs_no_taking_back(name: str) -> None:
    challenge = pending()
    ENDS[name][0](challenge)
    assert challenge.withdrawal_due_at is None


def test_a_push_without_a_receipt_lies_unseen_until_its_own_expiry() -> None:
    challenge = requested()
    challenge.begin_sending(NOW, NOW + timedelta(seconds=30))
    assert challenge.is_being_sent(NOW)
    challenge.wait(NOW)
    challenge.give_up(NOW)
    assert challenge.lies_unseen(NOW)
    assert not challenge.is_being_sent(NOW)
    assert not challenge.lies_unseen(DEADLINE)
    assert challenge.withdrawal_due_at is None


def test_a_push_certainly_not_taken_lies_nowhere() -> None:
    challenge = requested()
    challenge.begin_sending(NOW, NOW)
    challenge.note_not_sent()
    assert not challenge.lies_unseen(NOW)


def test_a_late_receipt_is_taken_back() -> None:
    challenge = requested()
    challenge.begin_sending(NOW, NOW)
    challenge.withdraw(NOW)
    challenge.note_late_push("508180755167", "717E5CE5D1E6", NOW)
    assert challenge.withdrawal_due_at == NOW
    assert not challenge.lies_unseen(NOW)


def test_a_report_withdraws_an_open_push_and_leaves_a_settled_one() -> None:
    challenge = pending()
    challenge.report(NOW)
    assert (challenge.state, challenge.reported_at) == (State.WITHDRAWN, NOW)
    approved = pending()
    approved.approve(NOW)
    approved.report(NOW)
    assert (approved.state, approved.reported_at) == (State.APPROVED, NOW)


def test_withdrawing_is_given_up_once_the_provider_lets_the_push_expire() -> None:
    challenge = pending()
    challenge.withdraw(NOW)
    challenge.postpone_withdrawal(NOW, timedelta(minutes=4))
    assert challenge.withdrawal_due_at == NOW + timedelta(minutes=4)
    challenge.postpone_withdrawal(NOW + timedelta(minutes=4), timedelta(minutes=2))
    assert challenge.withdrawal_due_at is None
