"""The fixtures of README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from deploy.local.errors import CannotStart
from tests.support.ground import Ground


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
    """An empty virtual host."""
    try:
        name, url = ground.new_vhost()
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    yield TestBroker(url=url, evaluate=ground.broker.evaluate)
    ground.broker.delete_vhost(name)
