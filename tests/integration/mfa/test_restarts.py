"""A process may die at any point, and several may work at once: nothing is lost and nothing is sent twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from libs.chassis.ids import new_id
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.adapters.push import Finding, PushProvider, Receipt, Standing
from services.mfa.handlers import asking, ending, looking
from services.mfa.handlers.claims import LEASE, claim
from services.mfa.model import Challenge
from tests.integration.mfa.desk import Desk, settings_for
from tests.simulators.push_app.provider import Status
from tests.support.eventually import eventually


class Died(BaseException):
    """The process is gone: nothing after this line ran."""


def patient(desk: Desk) -> Evrotrust:
    """A client that waits so long for an answer that a test can look around meanwhile."""
    return Evrotrust(settings_for(desk.push_app, MFA_READ_TIMEOUT="30"))


@dataclass
class Mortal:
    """The provider's client of a process that dies in one of its calls, before or after the provider heard it."""

    provider: PushProvider
    call: str
    heard: bool

    def _live(self, call: str, deed: Callable[[], Any]) -> Any:
        if call != self.call:
            return deed()
        if self.heard:
            deed()
        raise Died

    def standing_of(self, phone: str) -> Standing:
        found: Standing = self._live("check", lambda: self.provider.standing_of(phone))
        return found

    def send(self, phone: str, description: str, expires_at: datetime) -> Receipt:
        receipt: Receipt = self._live("send", lambda: self.provider.send(phone, description, expires_at))
        return receipt

    def look(self, transaction_id: str) -> Finding:
        finding: Finding = self._live("look", lambda: self.provider.look(transaction_id))
        return finding

    def withdraw(self, thread_id: str) -> bool:
        withdrawn: bool = self._live("withdraw", lambda: self.provider.withdraw(thread_id))
        return withdrawn


@pytest.mark.parametrize("heard", [False, True])
def test_a_death_while_checking_delays_the_push(desk: Desk, heard: bool) -> None:
    sign_in = desk.begin()
    with pytest.raises(Died):
        asking.ask_due(desk.database.open_work, Mortal(desk.provider, "check", heard))
    desk.ask()
    assert desk.pushes() == []
    desk.pass_time(LEASE)
    desk.ask()
    assert desk.told(sign_in) == ["challenge_issued"]
    assert len(desk.pushes()) == 1


@pytest.mark.parametrize("heard", [False, True])
def test_a_death_while_sending_is_told_and_never_sends_again(desk: Desk, heard: bool) -> None:
    sign_in = desk.begin()
    with pytest.raises(Died):
        asking.ask_due(desk.database.open_work, Mortal(desk.provider, "send", heard))
    desk.run(60, every=5)
    assert desk.told(sign_in) == ["challenge_unavailable"]
    assert len(desk.pushes()) == int(heard)


@pytest.mark.parametrize("heard", [False, True])
def test_a_death_while_looking_delays_the_approval(desk: Desk, heard: bool) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.pass_time(timedelta(seconds=2))
    with pytest.raises(Died):
        looking.look_at_due(desk.database.open_work, Mortal(desk.provider, "look", heard))
    desk.look(LEASE)
    assert desk.told(sign_in) == ["challenge_issued", "challenge_approved"]


@pytest.mark.parametrize("heard", [False, True])
def test_a_death_while_withdrawing_delays_the_withdrawal(desk: Desk, heard: bool) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in)
    with pytest.raises(Died):
        ending.withdraw_due(desk.database.open_work, Mortal(desk.provider, "withdraw", heard))
    desk.pass_time(LEASE)
    desk.sweep()
    assert desk.pushes()[0].status == Status.WITHDRAWN
    assert desk.challenge(sign_in).withdrawal_due_at is None


@pytest.mark.story("MON-29")
def test_the_deadline_holds_though_every_process_was_down(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.clock.advance(timedelta(hours=1))
    desk.look(timedelta())
    assert desk.told(sign_in) == ["challenge_issued", "challenge_expired"]


def test_four_workers_send_each_person_one_push(desk: Desk) -> None:
    people = [new_id() for _ in range(12)]
    for number, account_id in enumerate(people):
        phone = f"+3598800001{number:02}"
        desk.know(phone, account_id=account_id)
        desk.push_app.provider.register(phone, "1111")
        desk.begin(account_id=account_id)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait(10)
        while asking.ask_due(desk.database.open_work, desk.provider):
            pass

    with ThreadPoolExecutor(4) as workers:
        for worker in [workers.submit(work) for _ in range(4)]:
            worker.result()
    assert sorted(push.phone for push in desk.pushes()) == [f"+3598800001{number:02}" for number in range(12)]
    assert desk.told() == ["challenge_issued"] * 12


def test_a_step_another_process_is_taking_is_passed_over_without_waiting(desk: Desk) -> None:
    desk.begin()
    with desk.database.sessions() as other_process:
        other_process.execute(select(Challenge.id).with_for_update())
        assert claim(desk.database.open_work, Challenge.due_at) == []
    assert len(claim(desk.database.open_work, Challenge.due_at)) == 1
    assert claim(desk.database.open_work, Challenge.due_at) == []


def test_no_transaction_is_open_while_the_provider_is_talked_to(desk: Desk) -> None:
    desk.provider = patient(desk)
    desk.begin()
    desk.fail(path="/user/check/extended", delay_seconds=20, status=503)
    with ThreadPoolExecutor(1) as worker:
        asked = worker.submit(asking.ask_due, desk.database.open_work, desk.provider)
        eventually(lambda: desk.asked("/user/check/extended") == 1, timeout=10)
        with desk.database.engine.connect() as connection:
            open_transactions = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'"
                )
            ).scalar_one()
        assert not asked.done()
        desk.push_app.provider.release_hanging()
        asked.result(timeout=10)
    assert open_transactions == 0


def test_one_slow_answer_holds_up_nobody_else(desk: Desk) -> None:
    other = new_id()
    desk.know("+359880000002", account_id=other)
    desk.push_app.provider.register("+359880000002", "1111")
    desk.provider = patient(desk)
    desk.begin()
    desk.begin(account_id=other)
    desk.fail(path="/user/check/extended", delay_seconds=20, status=503)
    with ThreadPoolExecutor(1) as worker:
        asked = worker.submit(asking.ask_due, desk.database.open_work, desk.provider)
        eventually(lambda: len(desk.told()) == 1, timeout=10)
        desk.push_app.provider.release_hanging()
        asked.result(timeout=10)
    assert desk.told() == ["challenge_issued"]
