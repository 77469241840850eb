"""A sign-in's way through the second factor, against the provider's API and a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.chassis.ids import new_id
from libs.contracts.identity import SignInAwaitingFactor
from tests.integration.mfa.desk import PHONE, Desk
from tests.simulators.push_app.provider import Status


@pytest.mark.story("MON-21", "MON-24")
def test_a_registered_person_gets_a_push_with_portal_code_and_deadline(desk: Desk) -> None:
    sign_in = desk.begin(code="47")
    desk.ask()
    (push,) = desk.pushes()
    assert push.phone == PHONE
    assert "Код: 47" in push.description
    assert "Учебен център Пример" in push.description
    assert abs(push.expires_at - desk.challenge(sign_in).expires_at) < timedelta(seconds=1)
    assert desk.told(sign_in) == ["challenge_issued"]


@pytest.mark.story("MON-26", "MON-29")
def test_a_confirmation_in_time_approves_the_sign_in(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.look()
    assert desk.told(sign_in) == ["challenge_issued"]
    desk.answer(Status.SIGNED)
    desk.look()
    assert desk.told(sign_in) == ["challenge_issued", "challenge_approved"]
    assert desk.told_of("challenge_approved")["approved_at"].startswith(desk.clock.now().isoformat()[:19])


@pytest.mark.story("MON-36")
def test_one_approval_is_told_once_however_often_the_provider_repeats_it(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.run(20)
    assert desk.told(sign_in) == ["challenge_issued", "challenge_approved"]


@pytest.mark.story("MON-03", "MON-16", "MON-20")
def test_somebody_without_a_registration_is_missing_and_gets_no_push(desk: Desk) -> None:
    desk.push_app.provider.people.clear()
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["factor_missing"]
    assert desk.pushes() == []
    assert desk.asked("/document/auth/online") == 0


@pytest.mark.story("MON-04")
def test_somebody_registered_with_another_number_counts_as_not_registered(desk: Desk) -> None:
    desk.know("+359880000002", sequence=2)
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["factor_missing"]
    assert desk.pushes() == []


@pytest.mark.story("MON-05")
@pytest.mark.parametrize("spelling", ["0880000001", "0880 000 001", "+359 880 000 001", "00359880000001"])
def test_the_number_s_spelling_makes_no_difference(desk: Desk, spelling: str) -> None:
    desk.know(spelling, sequence=2)
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["challenge_issued"]


@pytest.mark.parametrize("trait", ["is_identified", "is_ready_to_sign"])
def test_a_registration_that_is_not_complete_is_missing(desk: Desk, trait: str) -> None:
    desk.push_app.provider.register(PHONE, "2580", **{trait: False})
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["factor_missing"]


def test_an_account_whose_number_is_none_is_missing_without_asking_anybody(desk: Desk) -> None:
    desk.know("call me", sequence=2)
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["factor_missing"]
    assert desk.asked("/") == 0


@pytest.mark.story("MON-35")
def test_a_refusal_ends_the_sign_in_at_once(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.REJECTED, reason=1)
    desk.look()
    assert desk.told(sign_in) == ["challenge_issued", "challenge_rejected"]
    challenge = desk.challenge(sign_in)
    assert (challenge.vendor_status, challenge.vendor_reject_reason) == (3, 1)


@pytest.mark.story("MON-29")
def test_five_minutes_without_an_answer_end_the_sign_in_by_our_own_clock(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.fail(path="/document/status", times=-1, status=503)  # the provider says nothing at all
    desk.clock.advance(timedelta(minutes=5) - timedelta(seconds=1))
    desk.sweep()
    assert desk.told(sign_in) == ["challenge_issued"]
    desk.clock.advance(timedelta(seconds=1))
    desk.sweep()
    assert desk.told(sign_in) == ["challenge_issued", "challenge_expired"]


@pytest.mark.story("MON-34")
def test_a_confirmation_that_comes_after_expiry_is_void(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.clock.advance(timedelta(minutes=5))  # the provider's clock lags: it still takes the confirmation
    desk.answer(Status.SIGNED)
    desk.look(timedelta())
    desk.run(5)
    assert desk.told(sign_in) == ["challenge_issued", "challenge_expired"]


@pytest.mark.story("MON-34")
def test_a_confirmation_seen_only_after_the_deadline_is_void_even_before_the_sweeper_came(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.look(timedelta(minutes=5))
    assert desk.told(sign_in) == ["challenge_issued", "challenge_expired"]


def test_a_refusal_seen_only_after_the_deadline_is_an_expiry_and_no_refusal(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.REJECTED)
    desk.look(timedelta(minutes=5))
    assert desk.told(sign_in) == ["challenge_issued", "challenge_expired"]


def test_a_cancelled_sign_in_takes_its_push_off_the_phone(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in)
    desk.sweep()
    assert desk.pushes()[0].status == Status.WITHDRAWN
    assert desk.state(sign_in) == "withdrawn"


def test_an_approval_that_crosses_a_cancellation_is_void(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.settle(sign_in)
    desk.run(10)
    assert desk.told(sign_in) == ["challenge_issued"]
    assert desk.challenge(sign_in).withdrawal_due_at is None  # the provider said 2: answered already


def test_a_cancellation_that_overtakes_its_sign_in_forbids_the_push(desk: Desk) -> None:
    event = SignInAwaitingFactor(
        sign_in_id=new_id(), account_id=desk.account_id, code="47", expires_at=desk.clock.now() + timedelta(minutes=5)
    )
    desk.settle(event.sign_in_id)
    desk.hear_sign_in(event)
    desk.run(3)
    assert desk.pushes() == []
    assert desk.told() == []


def test_the_event_of_a_sign_in_heard_twice_sends_one_push(desk: Desk) -> None:
    event = SignInAwaitingFactor(
        sign_in_id=new_id(), account_id=desk.account_id, code="47", expires_at=desk.clock.now() + timedelta(minutes=5)
    )
    for _ in range(2):
        desk.hear_sign_in(event)
        desk.run(3)
    assert len(desk.pushes()) == 1


def test_a_sign_in_heard_after_its_deadline_expires_without_a_push(desk: Desk) -> None:
    sign_in = desk.begin(for_=timedelta(seconds=-1))
    desk.ask()
    assert desk.told(sign_in) == ["challenge_expired"]
    assert desk.asked("/") == 0


def test_an_account_heard_of_after_its_sign_in_still_gets_the_push(desk: Desk) -> None:
    newcomer = new_id()
    sign_in = desk.begin(account_id=newcomer)
    desk.run(3)
    assert desk.told(sign_in) == []
    desk.know(account_id=newcomer)
    desk.run(2)
    assert desk.told(sign_in) == ["challenge_issued"]


def test_an_account_never_heard_of_is_unavailable_in_the_end(desk: Desk) -> None:
    sign_in = desk.begin(account_id=new_id())
    desk.run(17)
    assert desk.told(sign_in) == ["challenge_unavailable"]


def test_an_older_event_does_not_bring_an_older_number_back(desk: Desk) -> None:
    desk.know("+359880000002", sequence=5)
    desk.know(PHONE, sequence=4)
    desk.know(PHONE, sequence=5)
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["factor_missing"]
