"""What becomes of an attempt after the right password."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict, NotFound
from libs.contracts.identity import CancelSignIn, CompleteSignIn, GetSignIn
from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from services.identity import queries, worker
from services.identity.handlers import sign_in
from services.identity.model import Session
from tests.support.builders.identity import Desk, Holder, digest_of
from tests.support.databases import Databases, WorkFor


@pytest.fixture
def holder(desk: Desk) -> Holder:
    return desk.active("finance")


@pytest.mark.story("MON-38")
def test_every_sign_in_asks_for_the_second_factor(desk: Desk, holder: Holder) -> None:
    for token in ("first", "second"):
        attempt = desk.begin(holder)
        assert attempt.state == "awaiting_factor"
        with pytest.raises(Conflict):
            desk.complete(attempt, holder, token)
        desk.approve(attempt, holder)
        assert desk.complete(attempt, holder, token).current


def test_the_waiting_page_learns_the_approval(desk: Desk, holder: Holder) -> None:
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    assert desk.look(attempt, holder).state == "approved"
    assert desk.states([attempt.id]) == ["approved"]


@pytest.mark.story("MON-16", "MON-20")
def test_without_a_registration_there_is_no_session(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    attempt = desk.begin(holder)
    with work_for("identity") as work:
        sign_in.not_registered(work, FactorMissing(sign_in_id=attempt.id, account_id=holder.id))
    view = desk.look(attempt, holder)
    assert (view.state, view.login) == ("not_registered", holder.login)
    with pytest.raises(Conflict):
        desk.complete(attempt, holder)


@pytest.mark.story("MON-35")
def test_a_refusal_on_the_phone_ends_the_attempt_at_once(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    attempt = desk.begin(holder)
    refusal = ChallengeRejected(challenge_id=new_id(), sign_in_id=attempt.id, account_id=holder.id)
    with work_for("identity") as work:
        sign_in.reject(work, refusal)
    desk.approve(attempt, holder)
    assert desk.look(attempt, holder).state == "refused"
    assert desk.states([attempt.id]) == ["refused"]
    with pytest.raises(Conflict):
        desk.complete(attempt, holder)


def test_the_other_outcomes_each_have_their_own_state(
    desk: Desk, holder: Holder, work_for: WorkFor, clock: ManualClock
) -> None:
    retry_at = clock.now() + timedelta(minutes=2)
    outcomes = [
        (sign_in.not_answered, ChallengeExpired, {"challenge_id": new_id()}, "expired"),
        (sign_in.provider_unavailable, ChallengeUnavailable, {}, "unavailable"),
        (sign_in.withheld, ChallengeWithheld, {"retry_at": retry_at}, "withheld"),
    ]
    for handle, kind, more, state in outcomes:
        attempt = desk.begin(holder)
        with work_for("identity") as work:
            handle(work, kind(sign_in_id=attempt.id, account_id=holder.id, **more))
        view = desk.look(attempt, holder)
        assert (view.state, view.retry_at) == (state, more.get("retry_at"))


def test_every_outcome_that_mfa_tells_is_heard() -> None:
    heard = {event.TYPE for event in worker.SUBSCRIPTIONS}
    assert heard == {
        "mfa.factor_missing.v1",
        "mfa.challenge_approved.v1",
        "mfa.challenge_rejected.v1",
        "mfa.challenge_expired.v1",
        "mfa.challenge_unavailable.v1",
        "mfa.challenge_withheld.v1",
    }


@pytest.mark.story("MON-34")
def test_an_approval_after_five_minutes_is_void(desk: Desk, holder: Holder, clock: ManualClock) -> None:
    attempt = desk.begin(holder)
    assert attempt.expires_at - clock.now() == timedelta(minutes=5)
    clock.advance(timedelta(minutes=5))
    desk.approve(attempt, holder)
    assert desk.look(attempt, holder).state == "expired"
    with pytest.raises(Conflict):
        desk.complete(attempt, holder)


def test_an_approval_in_the_last_second_counts(desk: Desk, holder: Holder, clock: ManualClock) -> None:
    attempt = desk.begin(holder)
    clock.advance(timedelta(minutes=4, seconds=59))
    desk.approve(attempt, holder)
    assert desk.complete(attempt, holder).current


def test_an_approval_that_is_not_used_within_a_minute_is_lost(desk: Desk, holder: Holder, clock: ManualClock) -> None:
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    clock.advance(timedelta(minutes=1))
    with pytest.raises(Conflict) as refusal:
        desk.complete(attempt, holder)
    assert refusal.value.code == "sign_in_expired"


@pytest.mark.story("MON-33")
def test_after_expiry_one_begins_again_with_name_and_password(
    desk: Desk, holder: Holder, clock: ManualClock, work_for: WorkFor
) -> None:
    attempt = desk.begin(holder)
    clock.advance(timedelta(minutes=5))
    assert desk.look(attempt, holder).state == "expired"  # before anybody has marked it
    with work_for("identity") as work:
        assert sign_in.expire_due(work) is False
    assert desk.states([attempt.id]) == ["expired"]
    again = desk.begin(holder)
    assert again.id != attempt.id
    assert again.expires_at == clock.now() + timedelta(minutes=5)


def test_nothing_expires_early(desk: Desk, holder: Holder, clock: ManualClock, work_for: WorkFor) -> None:
    attempt = desk.begin(holder)
    clock.advance(timedelta(minutes=4, seconds=59))
    with work_for("identity") as work:
        sign_in.expire_due(work)
    assert desk.look(attempt, holder).state == "awaiting_factor"


@pytest.mark.story("MON-36")
def test_one_approval_is_good_for_one_session(desk: Desk, holder: Holder) -> None:
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    desk.complete(attempt, holder, "first")
    with pytest.raises(Conflict) as refusal:
        desk.complete(attempt, holder, "second")
    assert refusal.value.code == "sign_in_completed"
    desk.approve(attempt, holder)
    with pytest.raises(Conflict):
        desk.complete(attempt, holder, "third")


@pytest.mark.story("MON-36")
def test_of_many_parallel_uses_of_one_approval_one_wins(
    desk: Desk, holder: Holder, service_database: Databases
) -> None:
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    start, outcomes = threading.Barrier(8), []

    def use(number: int) -> None:
        start.wait()
        try:
            desk.complete(attempt, holder, f"token {number}")
            outcomes.append("session")
        except Conflict as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["session"] + ["sign_in_completed"] * 7
    with service_database("identity").sessions() as session:
        digests = {digest_of(f"token {number}") for number in range(8)}
        assert session.query(Session).where(Session.digest.in_(digests)).count() == 1


@pytest.mark.story("MON-37")
def test_another_browser_finds_no_such_attempt(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    other = digest_of("another browser")
    with pytest.raises(NotFound), work_for("identity") as work:
        queries.get_sign_in(work, GetSignIn(sign_in_id=attempt.id, browser_digest=other))
    with pytest.raises(NotFound), work_for("identity") as work:
        sign_in.complete(
            work, CompleteSignIn(sign_in_id=attempt.id, browser_digest=other, session_digest=digest_of("stolen"))
        )
    with pytest.raises(NotFound), work_for("identity") as work:
        sign_in.cancel(work, CancelSignIn(sign_in_id=attempt.id, browser_digest=other))
    assert desk.complete(attempt, holder).current


def test_an_event_about_another_account_changes_nothing(
    desk: Desk, holder: Holder, work_for: WorkFor, clock: ManualClock
) -> None:
    attempt = desk.begin(holder)
    forged = ChallengeApproved(
        challenge_id=new_id(), sign_in_id=attempt.id, account_id=new_id(), approved_at=clock.now()
    )
    unknown = ChallengeApproved(
        challenge_id=new_id(), sign_in_id=new_id(), account_id=holder.id, approved_at=clock.now()
    )
    for event in (forged, unknown):
        with work_for("identity") as work:
            sign_in.approve(work, event)
    assert desk.look(attempt, holder).state == "awaiting_factor"


def test_a_newer_attempt_ends_the_older_one(desk: Desk, holder: Holder) -> None:
    older, newer = desk.begin(holder), desk.begin(holder)
    desk.approve(older, holder)
    assert desk.look(older, holder).state == "cancelled"
    assert desk.states([older.id]) == ["cancelled"]
    assert desk.look(newer, holder).state == "awaiting_factor"


def test_of_parallel_attempts_one_stays_open(desk: Desk, holder: Holder) -> None:
    start, begun = threading.Barrier(6), []

    def begin() -> None:
        start.wait()
        begun.append(desk.begin(holder))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    states = [desk.look(attempt, holder).state for attempt in begun]
    assert sorted(states) == ["awaiting_factor"] + ["cancelled"] * 5


def test_a_sign_in_told_twice_begins_one_attempt(desk: Desk, holder: Holder, service_database: Databases) -> None:
    command = desk.begin_command(holder.login, holder.password, holder)
    views = []
    for _ in range(2):
        with service_database("identity").open_work(causation_id="the same command") as work:
            views.append(sign_in.begin(work, command))
    assert views[0] == views[1]


def test_not_me_is_reported(desk: Desk, holder: Holder, work_for: WorkFor) -> None:
    attempt = desk.begin(holder)
    command = CancelSignIn(sign_in_id=attempt.id, browser_digest=digest_of(holder.browser), reason="not_me")
    with work_for("identity") as work:
        assert sign_in.cancel(work, command).state == "cancelled"
    assert desk.events("sign_in_reported") == [{"sign_in_id": str(attempt.id), "account_id": str(holder.id)}]
    assert desk.states([attempt.id]) == ["cancelled"]
