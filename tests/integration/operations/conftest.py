"""The town, lived through once for the run, and a copy of one of its databases for each test that breaks something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from libs.chassis.clock import ManualClock
from libs.messaging.topology import declare_all, subscriptions_of
from operations.installation import SERVICES, Installation
from operations.invariants import Report, check
from tests.integration.operations.history import live_through
from tests.integration.operations.town import Town, configured
from tests.support.databases import Databases
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground


@dataclass(kw_only=True)
class World:
    """The installation of one test: its own broker's virtual host, and databases shared until one is broken."""

    installation: Installation
    clock: ManualClock
    copy: Callable[[str], str]

    def breaks(self, service: str, *statements: str) -> None:
        """Change a copy of one service's database, past every rule of the service."""
        url = self.copy(service)
        self.installation = replace(self.installation, databases={**self.installation.databases, service: url})
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement.encode()).rowcount != 0, f"changed nothing: {statement}"

    def check(self, *, quiet: bool = True) -> Report:
        """What the program says."""
        return check(self.installation, now=self.clock.now(), quiet=quiet)

    def broken(self) -> list[str]:
        """The invariants that do not hold."""
        return [row.invariant for row in self.check().rows if row.breaches]


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def lived(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], ManualClock]]:
    """The addresses of the town's databases after its history, and its clock."""
    clock = ManualClock()
    databases = Databases(ground, clock)
    folder: Path = tmp_path_factory.mktemp("documents")
    try:
        for monkeypatch in configured(folder):
            live_through(Town(databases, clock), monkeypatch)
        for service in SERVICES:
            databases(service).engine.dispose()
        yield {service: databases(service).url for service in SERVICES}, clock
    finally:
        databases.close()


@pytest.fixture(scope="session")
def still_broker(ground: Ground) -> Iterator[str]:
    """A virtual host with the whole topology and no message, for all tests that only look."""
    name, url = ground.new_vhost()
    declare(url)
    yield url
    ground.broker.delete_vhost(name)


def declare(url: str) -> None:
    """Declare every queue of the installation."""
    declare_all(url, {service: subscriptions_of(service) for service in SERVICES})


@pytest.fixture
def world(ground: Ground, lived: tuple[dict[str, str], ManualClock], still_broker: str) -> Iterator[World]:
    """The town as it is after its history, to be broken at will."""
    urls, clock = lived
    names: list[str] = []

    def copy(service: str) -> str:
        template = make_url(urls[service])
        name = f"{template.database}_broken"
        with psycopg.connect(ground.postgres.admin_url, autocommit=True) as connection:
            parts = (sql.Identifier(name), sql.Identifier(template.database or ""))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*parts))
        names.append(name)
        admin = make_url(ground.postgres.admin_url)
        return admin.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)

    yield World(installation=Installation(databases=urls, amqp_url=still_broker), clock=clock, copy=copy)
    for name in names:
        ground.drop_database(name)


@pytest.fixture
def own_world(world: World, broker: TestBroker) -> World:
    """The same with a broker of its own, whose queues may be changed."""
    declare(broker.url)
    world.installation = replace(world.installation, amqp_url=broker.url)
    return world
