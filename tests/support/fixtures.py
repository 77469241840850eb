"""The fixtures of README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from deploy.local.errors import CannotStart
from libs.chassis.clock import ManualClock
from tests.support.ground import Ground

if TYPE_CHECKING:
    from tests.support.databases import Databases, WorkFor


@dataclass(frozen=True, kw_only=True)
class TestBroker:
    """One test's share of the broker."""

    __test__ = False

    url: str
    evaluate: Callable[[str], str]


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """The run's broker and PostgreSQL, started on demand."""
    ground = Ground()
    yield ground
    ground.close()


@pytest.fixture
def broker(ground: Ground) -> Iterator[TestBroker]:
    """A virtual host with the house's exchanges and no queue."""
    try:
        name, url = ground.new_vhost()
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    yield TestBroker(url=url, evaluate=ground.broker.evaluate)
    ground.broker.delete_vhost(name)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands until the test advances it; it begins at the present, so that certificates of today hold."""
    return ManualClock()


@pytest.fixture
def service_database(ground: Ground, clock: ManualClock) -> Iterator[Databases]:
    """A service's freshly migrated database: `service_database("orders")`."""
    from tests.support.databases import Databases  # a run of unit tests alone loads no SQLAlchemy for it

    databases = Databases(ground, clock)
    yield databases
    databases.close()


@pytest.fixture
def work_for(service_database: Databases) -> WorkFor:
    """Units of work in the test's databases: `work_for("orders", principal=manager)`."""
    from tests.support.databases import WorkFor

    return WorkFor(service_database)
