"""Seats are taken back before they are begun."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict, NotFound
from libs.contracts.licensing import (
    AssignmentWithdrawn,
    WithdrawAssignment,
)
from services.licensing.handlers import assigning
from tests.support.builders.events import recorded
from tests.support.builders.licensing import (
    Broker,
    a_training,
)


def withdraw(broker: Broker, assignment_id: UUID) -> None:
    with broker.database.open_work(principal=broker.manager) as work:
        assigning.withdraw_assignment(work, WithdrawAssignment(assignment_id=assignment_id))


def test_a_seat_taken_back_is_free_for_somebody_else_at_once(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 1)
    first, second = broker_firm.employs(2)
    (assignment,) = broker_firm.assigns(training, [first]).items
    assert assignment.can_withdraw

    withdraw(broker_firm, assignment.id)

    assert broker_firm.licence(training).available == 1
    (told,) = recorded(broker_firm.database, AssignmentWithdrawn)
    assert told["account_id"] == str(first)
    broker_firm.assigns(training, [second])
    assert broker_firm.licence(training).available == 0


def test_a_seat_is_taken_back_once(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 1)
    (assignment,) = broker_firm.assigns(training, broker_firm.employs(1)).items
    withdraw(broker_firm, assignment.id)

    with pytest.raises(Conflict) as refusal:
        withdraw(broker_firm, assignment.id)

    assert refusal.value.code == "cannot_withdraw"
    assert broker_firm.licence(training).available == 1


def test_somebody_elses_assignment_cannot_be_taken_back(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 1)
    (assignment,) = broker_firm.assigns(training, broker_firm.employs(1)).items

    with pytest.raises(NotFound):
        withdraw(Broker(database=broker_firm.database), assignment.id)
    with pytest.raises(NotFound):
        withdraw(broker_firm, new_id())

    assert broker_firm.licence(training).assigned == 1
