"""Both services as they run: a seat is given, its event crosses the broker, the mail arrives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.chassis.ids import new_id
from libs.contracts.licensing import SeatAssigned
from libs.messaging.worker import Worker
from services.licensing import worker as licensing
from services.notifications import worker as notifications
from tests.support.builders.events import recorded
from tests.support.builders.licensing import Broker, a_chosen_training
from tests.support.builders.notifications import MailRoom, an_account
from tests.support.databases import Databases
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


@pytest.fixture
def running(service_database: Databases, broker: TestBroker, room: MailRoom) -> Iterator[Broker]:
    """A firm whose licensing and notifications services run, each with its own database and the one broker."""
    workers = [
        Worker(
            name,
            engine=service_database(name).engine,
            amqp_url=broker.url,
            subscriptions=module.SUBSCRIPTIONS,
            jobs=module.JOBS,
            clock=service_database(name).clock,
        )
        for name, module in (("licensing", licensing), ("notifications", notifications))
    ]
    for worker in workers:
        worker.start()
    try:
        eventually(lambda: all(worker.consumer.consuming for worker in workers), 20)
        yield Broker(database=service_database("licensing"))
    finally:
        for worker in workers:
            worker.stop(5)


@pytest.mark.story("INS-34")
def test_an_employee_hears_of_the_training_within_seconds(running: Broker, room: MailRoom) -> None:
    training = a_chosen_training(400, 500)
    running.bought(training, 3)
    people = running.employs(2)
    for number, person in enumerate(people):
        room.hear(an_account(person, sealed_password=None, email=f"p{number}@broker.example"))

    running.assigns(training, people, ["M1", "M2"])

    for number in range(2):
        letters = room.inbox.wait_for(f"p{number}@broker.example", "Ново обучение", 1, 15)
        assert len(letters) == 1
        assert "Модул 1" in letters[0].text
    assert len(recorded(running.database, SeatAssigned)) == 2


def test_a_mail_of_the_bus_waits_for_its_reader_and_goes_out_when_the_account_is_heard_of(
    running: Broker, room: MailRoom
) -> None:
    training = a_chosen_training(900)
    running.bought(training, 1)
    (person,) = running.employs(1)
    running.assigns(training, [person], ["M1"])
    eventually(lambda: [mail.state for mail in room.mails()] == ["queued"], 15)

    room.hear(an_account(person, sealed_password=None, email="late@broker.example"), id=new_id())

    assert room.inbox.wait_for("late@broker.example", "", 1, 15)
