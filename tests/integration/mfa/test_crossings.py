"""What happens when something else happens while the provider is being talked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.chassis.ids import new_id
from libs.contracts.identity import AccountClosed
from services.mfa.adapters.push import Finding, PushProvider, Receipt, Standing
from services.mfa.handlers import asking, looking
from services.mfa.worker import SUBSCRIPTIONS
from tests.integration.mfa.desk import Desk
from tests.simulators.push_app.provider import Status
from tests.support.builders.events import deliver

ISSUED = "challenge_issued"


@dataclass
class Meanwhile:
    """The provider's client; something happens after it was asked and before its answer is noted."""

    provider: PushProvider
    call: str
    happens: Callable[[], Any]

    def _after(self, call: str, answer: Any) -> Any:
        if call == self.call:
            self.happens()
        return answer

    def standing_of(self, phone: str) -> Standing:
        standing: Standing = self._after("check", self.provider.standing_of(phone))
        return standing

    def send(self, phone: str, description: str, expires_at: datetime) -> Receipt:
        receipt: Receipt = self._after("send", self.provider.send(phone, description, expires_at))
        return receipt

    def look(self, transaction_id: str) -> Finding:
        finding: Finding = self._after("look", self.provider.look(transaction_id))
        return finding

    def withdraw(self, thread_id: str) -> bool:
        return self.provider.withdraw(thread_id)


@dataclass
class Failing(Meanwhile):
    """The same, but the answer is a failure."""

    failure: Exception | None = None

    def _after(self, call: str, answer: Any) -> Any:
        if call == self.call and self.failure is not None:
            self.happens()
            raise self.failure
        return answer


def test_a_sign_in_cancelled_while_the_person_is_looked_up_gets_no_push(desk: Desk) -> None:
    sign_in = desk.begin()
    asking.ask_due(desk.database.open_work, Meanwhile(desk.provider, "check", lambda: desk.settle(sign_in)))
    assert desk.pushes() == []
    assert desk.told(sign_in) == []


def test_a_sign_in_cancelled_while_its_push_goes_out_takes_it_back(desk: Desk) -> None:
    sign_in = desk.begin()
    asking.ask_due(desk.database.open_work, Meanwhile(desk.provider, "send", lambda: desk.settle(sign_in)))
    desk.sweep()
    assert desk.pushes()[0].status == Status.WITHDRAWN
    assert desk.told(sign_in) == []


def test_a_sign_in_superseded_while_its_push_goes_out_leaves_one_push_on_the_phone(desk: Desk) -> None:
    desk.begin(code="11")
    second = []
    happens = lambda: second.append(desk.begin(code="22"))  # noqa: E731  # a name makes the line below readable
    asking.ask_due(desk.database.open_work, Meanwhile(desk.provider, "send", happens))
    desk.run(4)
    assert [push.status for push in desk.pushes()] == [Status.WITHDRAWN, Status.PENDING]
    assert desk.told(second[0]) == [ISSUED]


def test_a_sign_in_cancelled_while_it_is_looked_at_is_not_approved(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.pass_time(timedelta(seconds=2))
    looking.look_at_due(desk.database.open_work, Meanwhile(desk.provider, "look", lambda: desk.settle(sign_in)))
    assert desk.told(sign_in) == [ISSUED]
    assert desk.state(sign_in) == "withdrawn"


@pytest.mark.parametrize("call", ["check", "send"])
def test_a_failure_after_a_cancellation_is_not_told(desk: Desk, call: str) -> None:
    from services.mfa.adapters.push import Unknown

    sign_in = desk.begin()
    provider = Failing(desk.provider, call, lambda: desk.settle(sign_in), Unknown("timeout"))
    asking.ask_due(desk.database.open_work, provider)
    assert desk.told(sign_in) == []
    assert desk.state(sign_in) == "withdrawn"


def test_a_lost_receipt_of_a_cancelled_push_holds_the_next_one_back(desk: Desk) -> None:
    from services.mfa.adapters.push import Unknown

    sign_in = desk.begin()
    provider = Failing(desk.provider, "send", lambda: desk.settle(sign_in), Unknown("timeout"))
    asking.ask_due(desk.database.open_work, provider)
    second = desk.begin()
    desk.run(2)
    assert desk.told(second) == ["challenge_withheld"]
    assert len(desk.pushes()) == 1


@pytest.mark.story("MON-34")
def test_a_deadline_that_passes_while_the_push_goes_out_expires_it(desk: Desk) -> None:
    sign_in = desk.begin(for_=timedelta(seconds=10))
    happens = lambda: (desk.clock.advance(timedelta(seconds=11)), desk.sweep())  # noqa: E731  # as above
    asking.ask_due(desk.database.open_work, Meanwhile(desk.provider, "send", happens))
    desk.sweep()
    assert desk.told(sign_in) == ["challenge_expired"]
    assert desk.pushes()[0].status == Status.WITHDRAWN


def test_a_deadline_that_identity_saw_first_is_an_expiry_here_too(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in, "expired")
    desk.sweep()
    assert desk.state(sign_in) == "expired"
    assert desk.pushes()[0].status == Status.WITHDRAWN


@pytest.mark.parametrize("state", ["approved", "completed"])
def test_identity_s_own_yes_changes_nothing(desk: Desk, state: str) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in, state)
    assert desk.state(sign_in) == "pending"


def test_a_report_that_overtakes_its_sign_in_still_counts(desk: Desk) -> None:
    desk.report(new_id())
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["challenge_withheld"]


def test_a_closed_account_is_asked_nothing_and_its_number_is_forgotten(desk: Desk) -> None:
    deliver(desk.database, SUBSCRIPTIONS, AccountClosed(account_id=desk.account_id), sequence=2)
    sign_in = desk.begin()
    desk.ask()
    assert desk.told(sign_in) == ["challenge_unavailable"]
    assert desk.asked("/") == 0


def test_a_closing_heard_of_before_the_account_stays(desk: Desk) -> None:
    newcomer = new_id()
    deliver(desk.database, SUBSCRIPTIONS, AccountClosed(account_id=newcomer), sequence=2)
    desk.know(account_id=newcomer, sequence=1)
    sign_in = desk.begin(account_id=newcomer)
    desk.ask()
    assert desk.told(sign_in) == ["challenge_unavailable"]
