"""One push a person at a time, no more than three in ten minutes, and a growing pause after refusals."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from libs.chassis.ids import new_id
from libs.contracts.identity import SignInAwaitingFactor
from tests.integration.mfa.desk import Desk
from tests.simulators.push_app.provider import Status

ISSUED, APPROVED = "challenge_issued", "challenge_approved"


def refuse_one(desk: Desk) -> None:
    desk.begin()
    desk.ask()
    desk.answer(Status.REJECTED)
    desk.look()


def retry_at(desk: Desk) -> datetime:
    return datetime.fromisoformat(desk.told_of("challenge_withheld")["retry_at"])


def test_a_second_sign_in_takes_the_first_one_s_push_off_the_phone(desk: Desk) -> None:
    first = desk.begin(code="11")
    desk.ask()
    second = desk.begin(code="22")
    desk.run(3)
    assert [push.status for push in desk.pushes()] == [Status.WITHDRAWN, Status.PENDING]
    assert "22" in desk.pushes()[1].description
    assert desk.told(first) == [ISSUED, "challenge_unavailable"]
    desk.answer(Status.SIGNED)
    desk.run(3)
    assert desk.told(second) == [ISSUED, APPROVED]
    assert desk.told(first) == [ISSUED, "challenge_unavailable"]


def test_an_approval_of_the_first_tab_does_not_let_the_second_one_in(desk: Desk) -> None:
    first = desk.begin(code="11")
    desk.ask()
    desk.answer(Status.SIGNED)  # on the phone already, when the second tab begins
    second = desk.begin(code="22")
    desk.run(3)
    assert APPROVED not in desk.told(first)
    assert desk.told(second) == [ISSUED]


def test_an_older_sign_in_heard_of_later_does_not_supersede_the_newer_one(desk: Desk) -> None:
    older = SignInAwaitingFactor(
        sign_in_id=new_id(), account_id=desk.account_id, code="11", expires_at=desk.clock.now() + timedelta(minutes=4)
    )
    newer = desk.begin(code="22")
    desk.ask()
    desk.hear_sign_in(older)
    desk.run(3)
    assert desk.told(newer) == [ISSUED]
    assert desk.told(older.sign_in_id) == ["challenge_unavailable"]
    assert len(desk.pushes()) == 1


def test_two_people_are_asked_side_by_side(desk: Desk) -> None:
    other = new_id()
    desk.know("+359880000002", account_id=other)
    desk.push_app.provider.register("+359880000002", "1111")
    mine, theirs = desk.begin(), desk.begin(account_id=other)
    desk.ask()
    assert desk.told(mine) == desk.told(theirs) == [ISSUED]
    desk.push_app.provider.settle(desk.push_app.provider.pushes_to("+359880000002")[0], Status.SIGNED)
    desk.run(3)
    assert desk.told(mine) == [ISSUED]
    assert desk.told(theirs) == [ISSUED, APPROVED]


@pytest.mark.parametrize(("refusals", "minutes"), [(1, 1), (2, 5)])
def test_after_refusals_the_next_push_waits_longer_each_time(desk: Desk, refusals: int, minutes: int) -> None:
    for number in range(refusals):
        refuse_one(desk)
        refused_at = desk.clock.now()
        if number + 1 < refusals:
            desk.pass_time(timedelta(minutes=1))
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["challenge_withheld"]
    assert retry_at(desk) == refused_at + timedelta(minutes=minutes)
    pushes = len(desk.pushes())
    desk.run(5)
    assert len(desk.pushes()) == pushes
    desk.pass_time(timedelta(minutes=minutes))
    again = desk.begin()
    desk.ask()
    assert desk.told(again) == [ISSUED]


def test_no_push_follows_a_refusal_by_itself(desk: Desk) -> None:
    refuse_one(desk)
    desk.run(240, every=5)
    assert len(desk.pushes()) == 1


def test_an_approval_forgives_earlier_refusals(desk: Desk) -> None:
    refuse_one(desk)
    desk.pass_time(timedelta(minutes=11))
    desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.look()
    refuse_one(desk)
    desk.begin()
    desk.ask()
    assert retry_at(desk) - desk.clock.now() <= timedelta(minutes=1)


def test_the_fourth_push_in_ten_minutes_is_withheld_until_the_first_is_ten_minutes_old(desk: Desk) -> None:
    first = desk.begin()
    desk.run(2)
    sent_at = desk.challenge(first).sent_at
    assert sent_at is not None
    for _ in range(2):
        desk.begin()
        desk.run(3)
    assert len(desk.pushes()) == 3
    fourth = desk.begin()
    desk.run(3)
    assert desk.told(fourth) == ["challenge_withheld"]
    assert retry_at(desk) == sent_at + timedelta(minutes=10)
    assert len(desk.pushes()) == 3


def test_pushes_that_were_approved_do_not_count(desk: Desk) -> None:
    for _ in range(5):
        sign_in = desk.begin()
        desk.ask()
        desk.answer(Status.SIGNED)
        desk.look()
        assert desk.told(sign_in) == [ISSUED, APPROVED]


def test_not_me_weighs_like_a_refusal_and_takes_the_push_back(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in)
    desk.report(sign_in)
    desk.sweep()
    assert desk.pushes()[0].status == Status.WITHDRAWN
    again = desk.begin()
    desk.ask()
    assert desk.told(again) == ["challenge_withheld"]


def test_a_sign_in_withheld_can_be_settled_without_harm(desk: Desk) -> None:
    refuse_one(desk)
    withheld = desk.begin()
    desk.ask()
    desk.settle(withheld, "withheld")
    assert desk.state(withheld) == "withheld"
