"""Modules are chosen for each person, and the hours are checked on the server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.contracts.errors import Invalid
from libs.contracts.licensing import (
    Assign,
    Assignee,
    ListAssignments,
    ListMyAssignments,
    SeatAssigned,
)
from services.licensing import queries
from services.licensing.handlers import assigning
from services.licensing.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.builders.licensing import (
    Broker,
    a_chosen_training,
    a_training,
    counted_licences,
    member_of,
    modules,
)

FIFTEEN_HOURS = ["M1", "M2"]


@pytest.mark.story("INS-30", "INS-35")
def test_exactly_the_chosen_modules_stand_in_the_assignment_and_in_the_event(broker_firm: Broker) -> None:
    training = a_chosen_training(400, 500, 300)
    broker_firm.bought(training, 1)
    (person,) = broker_firm.employs(1)

    (assignment,) = broker_firm.assigns(training, [person], FIFTEEN_HOURS).items

    assert [(module.code, module.minutes) for module in assignment.modules] == [("M1", 400), ("M2", 500)]
    (told,) = recorded(broker_firm.database, SeatAssigned)
    assert [module["code"] for module in told["modules"]] == ["M1", "M2"]
    with broker_firm.database.open_work(principal=member_of(broker_firm.id, person)) as work:
        (mine,) = queries.list_my_assignments(work, ListMyAssignments()).items
    assert mine == assignment


@pytest.mark.story("INS-31")
@pytest.mark.parametrize("last", [499, 501], ids=["14:59", "15:01"])
def test_a_minute_too_little_or_too_much_is_refused_as_a_whole_at_the_person(broker_firm: Broker, last: int) -> None:
    training = a_chosen_training(400, 500, last)
    broker_firm.bought(training, 5)
    first, second = broker_firm.employs(2)
    people = [
        Assignee(account_id=first, modules=FIFTEEN_HOURS),
        Assignee(account_id=second, modules=["M1", "M3"]),
    ]

    with broker_firm.database.open_work(principal=broker_firm.manager) as work, pytest.raises(Invalid) as refusal:
        assigning.assign(work, Assign(organisation_id=broker_firm.id, sku=training.sku, people=people))

    (fault,) = refusal.value.faults
    assert (fault.field, fault.code) == ("people.1.modules", "wrong_hours")
    assert fault.params == {"have": 400 + last, "required": 900, "rule": "exact"}
    assert broker_firm.gave_nothing()


def test_with_at_least_a_minute_too_much_is_fine_and_a_minute_too_little_is_not(broker_firm: Broker) -> None:
    training = a_chosen_training(400, 499, 501, rule="at_least")
    broker_firm.bought(training, 5)
    first, second = broker_firm.employs(2)

    broker_firm.assigns(training, [first], ["M1", "M3"])

    with pytest.raises(Invalid):
        broker_firm.assigns(training, [second], ["M1", "M2"])


def test_every_persons_fault_is_named_at_once(broker_firm: Broker) -> None:
    training = a_chosen_training(400, 500)
    broker_firm.bought(training, 5)
    choices: list[list[str]] = [[], ["M1", "M7"], ["M1"], FIFTEEN_HOURS]
    people = [
        Assignee(account_id=person, modules=choice)
        for person, choice in zip(broker_firm.employs(4), choices, strict=True)
    ]

    with broker_firm.database.open_work(principal=broker_firm.manager) as work, pytest.raises(Invalid) as refusal:
        assigning.assign(work, Assign(organisation_id=broker_firm.id, sku=training.sku, people=people))

    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [
        ("people.0.modules", "modules_not_chosen"),
        ("people.1.modules", "unknown_module"),
        ("people.2.modules", "wrong_hours"),
    ]


@pytest.mark.story("INS-33")
def test_other_trainings_take_all_modules_and_counted_licences_none(broker_firm: Broker) -> None:
    training, licences = a_training(), counted_licences()
    broker_firm.bought(training, 1)
    broker_firm.bought(licences, 1)
    (person,) = broker_firm.employs(1)

    (whole,) = broker_firm.assigns(training, [person]).items
    (counted,) = broker_firm.assigns(licences, [person]).items

    assert [module.code for module in whole.modules] == ["M1", "M2"]
    assert counted.modules == []


def test_a_module_whose_length_changes_after_the_choice_keeps_the_chosen_length(broker_firm: Broker) -> None:
    training = a_chosen_training(400, 500)
    broker_firm.bought(training, 2)
    first, second = broker_firm.employs(2)
    broker_firm.assigns(training, [first], FIFTEEN_HOURS)

    deliver(broker_firm.database, SUBSCRIPTIONS, replace(training, modules=modules(400, 450)), sequence=2)

    query = ListAssignments(organisation_id=broker_firm.id, account_id=first)
    with broker_firm.database.open_work(principal=broker_firm.manager) as work:
        (kept,) = queries.list_assignments(work, query).items
    assert [module.minutes for module in kept.modules] == [400, 500]
    with pytest.raises(Invalid):
        broker_firm.assigns(training, [second], FIFTEEN_HOURS)
