"""A service's database for one test, and units of work in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from libs.chassis.clock import Clock
from libs.chassis.database import create_engine, session_factory
from libs.chassis.principal import Principal
from libs.messaging.migrate import migrate
from libs.messaging.revisions import migrations_of
from libs.messaging.work import Work, WorkFactory, work_factory
from tests.support.ground import Ground


@dataclass(frozen=True, kw_only=True)
class ServiceDatabase:
    """One service's own database: freshly migrated, empty, this test's alone."""

    service: str
    url: str
    engine: Engine
    sessions: sessionmaker[Session]
    clock: Clock

    @property
    def open_work(self) -> WorkFactory:
        """What the rim gives to handlers and jobs."""
        return work_factory(self.sessions, self.clock)


class Databases:
    """The databases of one test, made when first asked for."""

    def __init__(self, ground: Ground, clock: Clock) -> None:
        self._ground = ground
        self._clock = clock
        self._open: dict[str, tuple[str, ServiceDatabase]] = {}

    def __call__(self, service: str) -> ServiceDatabase:
        """The service's database; the same one whenever this test asks again."""
        if service not in self._open:
            name, url = self._ground.new_database(service, lambda url: migrate(url, migrations_of(service)))
            engine = create_engine(url, pool_size=20)
            database = ServiceDatabase(
                service=service, url=url, engine=engine, sessions=session_factory(engine), clock=self._clock
            )
            self._open[service] = (name, database)
        return self._open[service][1]

    def close(self) -> None:
        """Drop them all."""
        for name, database in self._open.values():
            database.engine.dispose()
            self._ground.drop_database(name)


class WorkFor:
    """Opens units of work: `with work_for("orders", principal=manager) as work: place_order(work, …)`."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def __call__(
        self, service: str, *, principal: Principal | None = None, correlation_id: str | None = None
    ) -> AbstractContextManager[Work]:
        """One unit of work: committed when the block ends, rolled back when an exception leaves it."""
        return self._databases(service).open_work(principal=principal, correlation_id=correlation_id)
