"""People get seats, all of them or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from libs.chassis.ids import new_id
from libs.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from libs.contracts.identity import AccountClosed
from libs.contracts.licensing import (
    Assign,
    Assignee,
    ListAssignments,
    SeatAssigned,
)
from services.licensing import queries
from services.licensing.handlers import assigning
from services.licensing.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.builders.licensing import (
    Broker,
    a_person,
    a_training,
    counted_licences,
    manager_of,
    member_of,
    staff,
)


@pytest.mark.story("INS-24")
def test_assigning_n_people_lowers_the_unused_number_by_exactly_n(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 10)

    broker_firm.assigns(training, broker_firm.employs(4))

    licence = broker_firm.licence(training)
    assert (licence.granted, licence.assigned, licence.available) == (10, 4, 6)


@pytest.mark.story("INS-24")
def test_five_hundred_people_get_their_seats_in_one_request(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 500)

    given = broker_firm.assigns(training, broker_firm.employs(500))

    assert len({assignment.account_id for assignment in given.items}) == 500
    assert len(recorded(broker_firm.database, SeatAssigned)) == 500
    assert broker_firm.licence(training).available == 0


@pytest.mark.story("INS-21", "INS-25")
@pytest.mark.parametrize("seats", [0, 1, 2])
def test_more_people_than_unused_seats_are_refused_as_a_whole(broker_firm: Broker, seats: int) -> None:
    training = a_training()
    deliver(broker_firm.database, SUBSCRIPTIONS, training)
    if seats:
        broker_firm.bought(training, seats)

    with pytest.raises(Conflict) as refusal:
        broker_firm.assigns(training, broker_firm.employs(3))

    assert refusal.value.code == "not_enough_seats"
    assert refusal.value.params == {"wanted": 3, "available": seats}
    assert broker_firm.gave_nothing()


@pytest.mark.story("INS-26")
def test_a_second_unfinished_seat_of_the_same_training_is_refused_and_names_the_person(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 10)
    first, second, third = broker_firm.employs(3)
    broker_firm.assigns(training, [second])

    with pytest.raises(Conflict) as refusal:
        broker_firm.assigns(training, [first, second, third])

    assert refusal.value.code == "already_assigned"
    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [
        ("people.1.account_id", "already_assigned")
    ]
    assert refusal.value.params == {"people": [str(second)]}
    assert broker_firm.licence(training).assigned == 1


@pytest.mark.story("INS-26")
def test_a_second_seat_given_at_the_very_same_moment_is_refused_by_the_database_with_the_same_answer(
    broker_firm: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = a_training()
    broker_firm.bought(training, 10)
    people = broker_firm.employs(1)
    broker_firm.assigns(training, people)
    # the other request's row cannot be seen yet
    monkeypatch.setattr(assigning, "_refuse_second_seats", lambda *_: None)

    with pytest.raises(Conflict) as refusal:
        broker_firm.assigns(training, people)

    assert refusal.value.code == "already_assigned"
    assert broker_firm.licence(training).assigned == 1


def test_assignments_are_listed_newest_first_and_by_product(broker_firm: Broker) -> None:
    training, licences = a_training(), counted_licences()
    for product in (training, licences):
        broker_firm.bought(product, 2)
    people = broker_firm.employs(2)
    broker_firm.assigns(training, people)
    broker_firm.assigns(licences, people[:1])

    def listed(query: ListAssignments) -> list[tuple[str, UUID]]:
        with broker_firm.database.open_work(principal=staff("finance"), read_only=True) as work:
            return [(item.sku, item.account_id) for item in queries.list_assignments(work, query).items]

    assert [sku for sku, _ in listed(ListAssignments(organisation_id=broker_firm.id))] == [
        licences.sku,
        training.sku,
        training.sku,
    ]
    assert listed(ListAssignments(organisation_id=broker_firm.id, sku=licences.sku)) == [(licences.sku, people[0])]
    assert listed(ListAssignments(organisation_id=new_id())) == []


def test_the_same_person_may_hold_seats_of_different_products(broker_firm: Broker) -> None:
    training, licences = a_training(), counted_licences()
    broker_firm.bought(training, 1)
    broker_firm.bought(licences, 1)
    (person,) = broker_firm.employs(1)

    broker_firm.assigns(training, [person])
    broker_firm.assigns(licences, [person])

    assert broker_firm.licence(licences).assigned == 1


@pytest.mark.story("INS-17")
def test_people_of_another_organisation_are_not_found_and_nobody_gets_a_seat(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 10)
    ours, theirs = broker_firm.employs(1), Broker(database=broker_firm.database).employs(1)

    with pytest.raises(NotFound) as refusal:
        broker_firm.assigns(training, [*ours, *theirs])

    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [("people.1.account_id", "unknown_person")]
    assert broker_firm.gave_nothing()


def test_a_closed_account_gets_no_seat_whatever_arrives_late(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 10)
    (person,) = broker_firm.employs(1)
    deliver(broker_firm.database, SUBSCRIPTIONS, AccountClosed(account_id=person), sequence=7)
    deliver(broker_firm.database, SUBSCRIPTIONS, a_person(broker_firm.id, person), sequence=3)

    with pytest.raises(NotFound):
        broker_firm.assigns(training, [person])


@pytest.mark.story("INS-17")
def test_a_person_who_moved_belongs_to_the_new_organisation_whatever_arrives_late(broker_firm: Broker) -> None:
    training, new_home = a_training(), Broker(database=broker_firm.database)
    broker_firm.bought(training, 1)
    new_home.bought(training, 1)
    person = a_person(broker_firm.id)
    moved = replace(person, organisation_id=new_home.id)

    deliver(broker_firm.database, SUBSCRIPTIONS, moved, sequence=5)
    deliver(broker_firm.database, SUBSCRIPTIONS, person, sequence=4)

    with pytest.raises(NotFound):
        broker_firm.assigns(training, [person.account_id])
    new_home.assigns(training, [person.account_id])


def test_a_person_named_twice_in_one_request_is_refused_at_both_places(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 10)
    first, second = broker_firm.employs(2)

    with pytest.raises(Invalid) as refusal:
        broker_firm.assigns(training, [first, second, first])

    assert [(fault.field, fault.code) for fault in refusal.value.faults] == [
        ("people.0.account_id", "repeated"),
        ("people.2.account_id", "repeated"),
    ]


def test_an_unknown_product_is_not_found(broker_firm: Broker) -> None:
    with pytest.raises(NotFound) as refusal:
        broker_firm.assigns(a_training(sku="nowhere"), broker_firm.employs(1))
    assert refusal.value.code == "unknown_product"


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("stranger", NotFound), ("member", Forbidden), ("clerk", Forbidden), ("nobody", Unauthenticated)],
)
def test_only_the_organisations_manager_gives_its_seats(
    broker_firm: Broker, who: str, refusal: type[Exception]
) -> None:
    training = a_training()
    broker_firm.bought(training, 1)
    principal = {
        "stranger": manager_of(new_id()),
        "member": member_of(broker_firm.id),
        "clerk": staff("clerk"),
        "nobody": None,
    }[who]
    (person,) = broker_firm.employs(1)
    command = Assign(organisation_id=broker_firm.id, sku=training.sku, people=[Assignee(account_id=person)])

    with broker_firm.database.open_work(principal=principal) as work, pytest.raises(refusal):
        assigning.assign(work, command)

    assert broker_firm.gave_nothing()


def test_the_seats_that_end_first_are_given_first(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 2, months=24)
    broker_firm.bought(training, 2, months=6)
    early = broker_firm.licence(training).valid_until

    given = broker_firm.assigns(training, broker_firm.employs(3)).items

    assert [assignment.valid_until == early for assignment in given] == [True, True, False]


def test_a_seat_can_be_given_on_its_last_day_and_not_on_the_next(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 2, months=1)
    until = broker_firm.licence(training).valid_until
    assert until is not None
    first, second = broker_firm.employs(2)
    clock = broker_firm.database.clock

    clock.advance(until - clock.now().astimezone(ZoneInfo("Europe/Sofia")).date())
    broker_firm.assigns(training, [first])
    clock.advance(timedelta(days=1))

    with pytest.raises(Conflict) as refusal:
        broker_firm.assigns(training, [second])
    assert refusal.value.code == "not_enough_seats"
