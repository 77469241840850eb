"""What the fault tests stand on: real processes of real services, for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libs.chassis.principal import generate_key_pair
from libs.messaging.topology import declare_all, services_in_the_house, subscriptions_of
from tests.faults.asking import Caller
from tests.faults.house import House
from tests.support.databases import Databases
from tests.support.fixtures import TestBroker

KEYS = generate_key_pair()

NewHouse = Callable[..., House]


def declare_everything(url: str) -> None:
    """The whole topology, as it is declared at each release."""
    declare_all(url, {service: subscriptions_of(service) for service in services_in_the_house()})


@pytest.fixture
def house(broker: TestBroker, service_database: Databases, tmp_path: Path) -> Iterator[House]:
    """Programs on this test's own databases; nothing runs yet."""
    declare_everything(broker.url)
    house = House(tmp_path / "house", broker.url, service_database, KEYS[1])
    yield house
    house.close()


@pytest.fixture
def caller(broker: TestBroker) -> Iterator[Caller]:
    """Somebody who asks services over the wire."""
    with Caller(broker.url) as caller:
        yield caller
