"""What certificates tell moves an assignment, late, twice or in the wrong order."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.contracts.base import Event
from libs.contracts.certificates import TrainingBegun, TrainingPassed
from libs.contracts.errors import Conflict
from libs.contracts.licensing import AssignmentView, ListAssignments, ListLicences, WithdrawAssignment
from services.licensing import queries
from services.licensing.handlers import assigning, progress
from services.licensing.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver
from tests.support.builders.licensing import Broker, a_training


@pytest.fixture
def given(broker_firm: Broker) -> AssignmentView:
    """A training in somebody's hands, of two seats bought."""
    training = a_training(sku="induction")
    broker_firm.bought(training, 2, months=1)
    return broker_firm.assigns(training, broker_firm.employs(1)).items[0]


def begun(assignment: AssignmentView) -> TrainingBegun:
    return TrainingBegun(
        assignment_id=assignment.id,
        account_id=assignment.account_id,
        organisation_id=assignment.organisation_id,
    )


def passed(broker: Broker, assignment: AssignmentView) -> TrainingPassed:
    return TrainingPassed(
        assignment_id=assignment.id,
        account_id=assignment.account_id,
        organisation_id=assignment.organisation_id,
        sku=assignment.sku,
        passed_at=broker.database.clock.now(),
    )


def hear(broker: Broker, *events: Event) -> None:
    for event in events:
        deliver(broker.database, SUBSCRIPTIONS, event)


def state_of(broker: Broker, assignment_id: UUID) -> str:
    with broker.database.open_work(principal=broker.manager) as work:
        listed = queries.list_assignments(work, ListAssignments(organisation_id=broker.id)).items
    return next(item.state for item in listed if item.id == assignment_id)


def test_a_training_once_begun_cannot_be_taken_back(broker_firm: Broker, given: AssignmentView) -> None:
    hear(broker_firm, begun(given), begun(given))

    with broker_firm.database.open_work(principal=broker_firm.manager) as work, pytest.raises(Conflict) as refusal:
        assigning.withdraw_assignment(work, WithdrawAssignment(assignment_id=given.id))

    assert refusal.value.params == {"state": "begun"}
    assert state_of(broker_firm, given.id) == "begun"


@pytest.mark.parametrize("order", ["in order", "passed first", "passed alone", "all twice"])
def test_a_passed_training_is_finished_however_its_events_arrive(
    broker_firm: Broker, given: AssignmentView, order: str
) -> None:
    start, end = begun(given), passed(broker_firm, given)
    told: dict[str, list[Event]] = {
        "in order": [start, end],
        "passed first": [end, start],
        "passed alone": [end],
        "all twice": [end, start, end, start],
    }

    hear(broker_firm, *told[order])

    assert state_of(broker_firm, given.id) == "finished"


@pytest.mark.story("INS-26")
def test_after_passing_the_same_person_may_be_given_the_training_again(
    broker_firm: Broker, given: AssignmentView
) -> None:
    hear(broker_firm, passed(broker_firm, given))

    broker_firm.assigns(a_training(sku="induction"), [given.account_id])

    licence = broker_firm.licence(a_training(sku="induction"))
    assert (licence.granted, licence.assigned, licence.available) == (2, 2, 0)


def test_a_beginning_that_arrives_after_the_withdrawal_changes_nothing(
    broker_firm: Broker, given: AssignmentView
) -> None:
    with broker_firm.database.open_work(principal=broker_firm.manager) as work:
        assigning.withdraw_assignment(work, WithdrawAssignment(assignment_id=given.id))

    hear(broker_firm, begun(given))

    assert state_of(broker_firm, given.id) == "withdrawn"
    assert broker_firm.licence(a_training(sku="induction")).available == 2


def test_an_event_about_an_assignment_nobody_knows_harms_nothing(broker_firm: Broker, given: AssignmentView) -> None:
    stranger = TrainingBegun(assignment_id=new_id(), account_id=new_id(), organisation_id=new_id())

    hear(broker_firm, stranger)

    assert state_of(broker_firm, given.id) == "assigned"


def test_when_its_seat_ends_an_unfinished_training_lapses_and_may_be_given_anew(
    broker_firm: Broker, given: AssignmentView
) -> None:
    hear(broker_firm, begun(given))
    broker_firm.database.clock.advance(timedelta(days=40))
    with broker_firm.database.open_work() as work:
        assert progress.lapse_expired(work) is False
    assert state_of(broker_firm, given.id) == "lapsed"

    training = a_training(sku="induction")
    with broker_firm.database.open_work(principal=broker_firm.manager) as work:
        product_id = queries.list_licences(work, ListLicences(organisation_id=broker_firm.id)).items[0].product_id
    broker_firm.bought(a_training(sku="induction", product_id=product_id), 1)
    broker_firm.assigns(training, [given.account_id])

    assert broker_firm.licence(training).assigned == 1


def test_a_training_passed_in_time_is_finished_even_if_that_is_heard_after_the_seat_ended(
    broker_firm: Broker, given: AssignmentView
) -> None:
    in_time = passed(broker_firm, given)
    broker_firm.database.clock.advance(timedelta(days=40))
    with broker_firm.database.open_work() as work:
        progress.lapse_expired(work)

    hear(broker_firm, in_time)

    assert state_of(broker_firm, given.id) == "finished"
