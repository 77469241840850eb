"""From the issued password to the first session."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict, Invalid, NotFound, Unauthenticated
from libs.contracts.identity import IssueAccount, ReissuePassword
from services.identity.handlers import accounts
from services.identity.model import temporary_password
from services.identity.settings import hasher
from tests.support.builders.identity import GOOD_PASSWORD, Desk, a_principal
from tests.support.databases import WorkFor


@pytest.mark.story("MON-08", "INS-15")
def test_an_issued_account_s_password_travels_sealed_for_notifications(desk: Desk) -> None:
    holder = desk.issue("admin")
    (event,) = desk.events("account_issued")
    assert holder.password not in str(event)
    assert event["login"] == holder.login
    assert event["password_expires_at"] is not None
    assert len(holder.password.replace("-", "")) == 16


@pytest.mark.story("MON-09")
def test_the_first_sign_in_demands_a_new_password_before_anything_else(desk: Desk) -> None:
    holder = desk.issue("admin")
    attempt = desk.begin(holder)
    assert attempt.state == "password_change_required"
    assert attempt.code is None
    assert desk.events("sign_in_awaiting_factor") == []


@pytest.mark.story("MON-10", "MON-11", "MON-14")
def test_after_the_change_only_the_new_password_works(desk: Desk) -> None:
    holder = desk.issue("admin")
    issued = holder.password
    changed = desk.change(holder, desk.begin(holder))
    assert changed.state == "awaiting_factor"
    assert changed.code is not None
    assert len(changed.code) == 2
    assert desk.events("password_changed") == [{"account_id": str(holder.id), "first": True}]
    with pytest.raises(Unauthenticated):
        desk.begin(holder, password=issued)
    assert desk.begin(holder, password=GOOD_PASSWORD).state == "awaiting_factor"


@pytest.mark.story("MON-12")
@pytest.mark.parametrize("disguise", [str, str.upper, lambda text: text.replace("-", " ")])
def test_the_new_password_may_not_be_the_issued_one(desk: Desk, disguise: type[str]) -> None:
    holder = desk.issue("admin")
    attempt = desk.begin(holder)
    with pytest.raises(Invalid) as refusal:
        desk.change(holder, attempt, disguise(holder.password))
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [("new_password", "same_as_issued")]
    assert desk.look(attempt, holder).state == "password_change_required"


def test_the_new_password_may_not_hold_the_organisation_s_name(desk: Desk) -> None:
    holder = desk.issue("manager", desk.organisation(name="Застраховател Габровски"))
    with pytest.raises(Invalid) as refusal:
        desk.change(holder, desk.begin(holder), "Габровски-2026")
    assert refusal.value.faults[0].code == "too_personal"


@pytest.mark.story("MON-13")
def test_leaving_the_page_leaves_the_account_still_requiring_the_change(desk: Desk, clock: ManualClock) -> None:
    holder = desk.issue("admin")
    desk.begin(holder)
    clock.advance(timedelta(days=1))
    assert desk.begin(holder).state == "password_change_required"


@pytest.mark.story("MON-13")
def test_a_pending_change_can_be_neither_approved_nor_completed(desk: Desk) -> None:
    holder = desk.issue("admin")
    attempt = desk.begin(holder)
    desk.approve(attempt, holder)
    with pytest.raises(Conflict):
        desk.complete(attempt, holder)


def test_the_same_change_told_twice_gets_the_same_answer(desk: Desk) -> None:
    holder = desk.issue("admin")
    attempt = desk.begin(holder)
    first = desk.change(holder, attempt)
    assert desk.change(holder, attempt) == first
    with pytest.raises(Conflict):
        desk.change(holder, attempt, "съвсем друга парола 7")
    assert len(desk.events("sign_in_awaiting_factor")) == 1


def test_an_issued_password_dies_of_age(desk: Desk, clock: ManualClock) -> None:
    holder = desk.issue("admin")
    clock.advance(timedelta(days=14) - timedelta(seconds=1))
    assert desk.begin(holder).state == "password_change_required"
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        desk.begin(holder)


def test_an_issued_password_dies_of_failures(desk: Desk, clock: ManualClock) -> None:
    holder = desk.issue("admin")
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            desk.begin(holder, password=temporary_password.generate())
        clock.advance(timedelta(hours=25))  # so that no delay is what refuses the right one
    with pytest.raises(Unauthenticated):
        desk.begin(holder)


def test_a_new_password_can_be_issued_for_a_dead_one(desk: Desk, clock: ManualClock, work_for: WorkFor) -> None:
    holder = desk.issue("admin")
    clock.advance(timedelta(days=15))
    with work_for("identity", principal=a_principal("admin")) as work:
        accounts.reissue(work, ReissuePassword(account_id=holder.id))
    dead, holder.password = holder.password, desk.latest_password(holder.id)
    assert desk.begin(holder).state == "password_change_required"
    with pytest.raises(Unauthenticated):
        desk.begin(holder, password=dead)


def test_reissuing_ends_the_chosen_password_and_the_sessions(desk: Desk, work_for: WorkFor) -> None:
    holder = desk.active("finance")
    session = desk.signed_in(holder, "a session")
    with work_for("identity", principal=a_principal("admin")) as work:
        accounts.reissue(work, ReissuePassword(account_id=holder.id))
    with pytest.raises(Unauthenticated):
        desk.begin(holder, password=GOOD_PASSWORD)
    assert str(session.id) in {one["session_id"] for one in desk.events("session_ended")}


@pytest.mark.story("MON-06")
def test_nobody_but_staff_and_managers_can_issue_an_account(work_for: WorkFor) -> None:
    command = IssueAccount(
        given_name="Иво", family_name="Иванов", email="ivo@broker.example", phone="0888123456", role="admin"
    )
    with pytest.raises(Unauthenticated), work_for("identity") as work:
        accounts.issue(work, command)


def test_an_attempt_that_never_was_is_not_found(desk: Desk) -> None:
    holder = desk.issue("admin")
    attempt = replace(desk.begin(holder), id=new_id())
    for look in (
        lambda: desk.look(attempt, holder),
        lambda: desk.change(holder, attempt),
        lambda: desk.complete(attempt, holder),
    ):
        with pytest.raises(NotFound):
            look()


def test_a_password_reissued_while_the_old_one_is_checked_wins(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = desk.active("finance")
    verify = hasher().verify

    def verify_slowly(digest: str, password: str) -> bool:
        with desk.work_for("identity", principal=a_principal("admin")) as work:
            accounts.reissue(work, ReissuePassword(account_id=holder.id))
        return verify(digest, password)

    monkeypatch.setattr(hasher(), "verify", verify_slowly)
    with pytest.raises(Unauthenticated):
        desk.begin(holder)
    assert desk.latest_password(holder.id) != holder.password
