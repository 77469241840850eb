"""Seats appear once an order is paid or approved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from libs.chassis.ids import new_id
from libs.contracts.errors import Forbidden, NotFound
from libs.contracts.licensing import GetLicence, ListLicences, SeatsGranted
from services.licensing import queries
from services.licensing.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.builders.licensing import (
    Broker,
    a_line,
    a_paid_order,
    a_training,
    an_approved_order,
    counted_licences,
    manager_of,
    member_of,
    staff,
)


@pytest.mark.story("INS-09")
def test_the_bought_seats_appear_when_the_order_is_paid(broker_firm: Broker) -> None:
    training, licences = a_training(), counted_licences()
    for product in (training, licences):
        deliver(broker_firm.database, SUBSCRIPTIONS, product)
    order = a_paid_order(broker_firm.id, a_line(training, 3), a_line(licences, 2), at=broker_firm.database.clock.now())

    deliver(broker_firm.database, SUBSCRIPTIONS, order)

    assert (broker_firm.licence(training).granted, broker_firm.licence(training).available) == (3, 3)
    assert (broker_firm.licence(licences).granted, broker_firm.licence(licences).available) == (2, 2)
    granted = recorded(broker_firm.database, SeatsGranted)
    assert {(event["sku"], event["quantity"]) for event in granted} == {(training.sku, 3), (licences.sku, 2)}


@pytest.mark.story("INS-07")
def test_before_the_payment_there_is_nothing_to_see_or_use(broker_firm: Broker) -> None:
    training = a_training()
    deliver(broker_firm.database, SUBSCRIPTIONS, training)

    with pytest.raises(NotFound):
        broker_firm.licence(training)


def test_an_officials_approval_grants_as_a_payment_does(broker_firm: Broker) -> None:
    licences = counted_licences()
    deliver(broker_firm.database, SUBSCRIPTIONS, licences)
    at = broker_firm.database.clock.now()

    deliver(broker_firm.database, SUBSCRIPTIONS, an_approved_order(broker_firm.id, a_line(licences, 40), at=at))

    assert broker_firm.licence(licences).available == 40


@pytest.mark.story("INS-10")
def test_the_same_order_told_five_times_is_granted_once(broker_firm: Broker) -> None:
    training = a_training()
    order = broker_firm.bought(training, 3)

    for _ in range(4):
        deliver(broker_firm.database, SUBSCRIPTIONS, order)

    assert broker_firm.licence(training).granted == 3
    assert len(recorded(broker_firm.database, SeatsGranted)) == 1


def test_seats_are_granted_even_if_the_product_is_heard_of_later(broker_firm: Broker) -> None:
    training = a_training()
    deliver(
        broker_firm.database,
        SUBSCRIPTIONS,
        a_paid_order(broker_firm.id, a_line(training, 3), at=broker_firm.database.clock.now()),
    )
    assert broker_firm.licence(training).name["bg"] == training.sku

    deliver(broker_firm.database, SUBSCRIPTIONS, training)

    assert broker_firm.licence(training).name == training.name
    assert broker_firm.licence(training).granted == 3


def test_an_older_state_of_a_product_does_not_replace_a_newer_one(broker_firm: Broker) -> None:
    old = a_training(sku="x", name={"bg": "Старо", "en": "Old"})
    new = a_training(sku="x", name={"bg": "Ново", "en": "New"}, product_id=old.product_id)
    broker_firm.bought(new, 1)
    deliver(broker_firm.database, SUBSCRIPTIONS, new, sequence=2)

    deliver(broker_firm.database, SUBSCRIPTIONS, old, sequence=1)

    assert broker_firm.licence(new).name["en"] == "New"


def test_seats_last_for_the_products_months_from_the_payment_on_the_local_calendar(broker_firm: Broker) -> None:
    training = a_training()
    deliver(broker_firm.database, SUBSCRIPTIONS, training)
    # half past eleven at night in UTC is the next day in Sofia
    late = datetime(2030, 1, 30, 22, 30, tzinfo=UTC)

    deliver(broker_firm.database, SUBSCRIPTIONS, a_paid_order(broker_firm.id, a_line(training, 1, 13), at=late))

    assert broker_firm.licence(training).valid_until == date(2031, 2, 28)


def test_expired_seats_are_not_counted_and_cannot_be_given(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 2, months=1)
    broker_firm.bought(training, 5, months=12)
    assert broker_firm.licence(training).granted == 7

    broker_firm.database.clock.advance(timedelta(days=40))

    assert (broker_firm.licence(training).granted, broker_firm.licence(training).available) == (5, 5)


def test_a_hundred_thousand_seats_are_one_statement(broker_firm: Broker) -> None:
    licences = counted_licences()

    broker_firm.bought(licences, 100_000)

    assert broker_firm.licence(licences).available == 100_000


@pytest.mark.story("INS-18", "INS-19")
def test_the_list_names_each_product_with_its_unused_number(broker_firm: Broker) -> None:
    training, licences = a_training(), counted_licences()
    broker_firm.bought(training, 3)
    broker_firm.bought(licences, 2)
    broker_firm.assigns(training, broker_firm.employs(2))

    with broker_firm.database.open_work(principal=broker_firm.manager, read_only=True) as work:
        listed = queries.list_licences(work, ListLicences(organisation_id=broker_firm.id)).items

    assert {(item.name["bg"], item.granted, item.assigned, item.available) for item in listed} == {
        ("Въвеждащо обучение", 3, 2, 1),
        ("Microsoft 365", 2, 0, 2),
    }


def test_staff_may_look_a_member_may_not_and_to_a_stranger_it_does_not_exist(broker_firm: Broker) -> None:
    training = a_training()
    broker_firm.bought(training, 3)
    query = GetLicence(organisation_id=broker_firm.id, sku=training.sku)
    database = broker_firm.database

    with database.open_work(principal=staff("clerk")) as work:
        assert queries.get_licence(work, query).granted == 3
    with database.open_work(principal=member_of(broker_firm.id)) as work, pytest.raises(Forbidden):
        queries.get_licence(work, query)
    with database.open_work(principal=manager_of(new_id())) as work, pytest.raises(NotFound):
        queries.get_licence(work, query)
