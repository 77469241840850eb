"""What the integration tests stand on: one broker and one PostgreSQL for the run, a clean share for each test."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.broker import Broker
from deploy.local.postgres import Postgres
from libs.messaging.link import Link
from libs.messaging.permissions import definitions, rights_of_house
from libs.messaging.topology import declare_exchanges


class Ground:
    """Starts each server when a test first asks for it, and stops both at the end of the run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="licentia-tests-"))
        self._broker: Broker | None = None
        self._postgres: Postgres | None = None
        self._templates: dict[str, str] = {}
        self._numbers = itertools.count(1)

    @property
    def broker(self) -> Broker:
        """The running broker."""
        if self._broker is None:
            broker = Broker(self.folder / "broker")
            broker.start()
            self._broker = broker
        return self._broker

    @property
    def postgres(self) -> Postgres:
        """The running PostgreSQL."""
        if self._postgres is None:
            postgres = Postgres(self.folder / "postgres", durable=False)
            postgres.start()
            self._postgres = postgres
        return self._postgres

    def close(self) -> None:
        """Stop what was started and remove every trace."""
        if self._broker is not None:
            self._broker.stop()
        if self._postgres is not None:
            for template in self._templates.values():
                self.drop_database(template)
            self._postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_vhost(self) -> tuple[str, str]:
        """Return the name and the address of a virtual host with the house's exchanges and no queue."""
        name = f"test-{next(self._numbers)}"
        url = self.broker.add_vhost(name)
        link = Link(url, name="new virtual host")
        link.open()
        declare_exchanges(link.channel)
        link.close()
        return name, url

    def new_users(self, vhost: str) -> dict[str, str]:
        """Give every service and the gateway its own user in the virtual host; each user's address."""
        rights = rights_of_house()
        passwords = {one.user: self.broker.password_of(one.user) for one in rights}
        self.broker.import_definitions(json.dumps(definitions(rights, passwords, vhost=vhost)))
        return {user: self.broker.url_of(user, vhost) for user in passwords}

    def new_database(self, service: str, migrate: Callable[[str], None]) -> tuple[str, str]:
        """Return the name and the address of a freshly migrated database, copied from one that was migrated once."""
        postgres = self.postgres
        if service not in self._templates:
            postgres.create_databases((service,))
            template = self._copy(service, f"{service}_template", "template0")
            migrate(postgres.url(service, database=template))
            self._templates[service] = template
        name = self._copy(service, f"{service}_{next(self._numbers)}", self._templates[service])
        return name, postgres.url(service, database=name)

    def copy_database(self, service: str, original: str) -> tuple[str, str]:
        """Return the name and the address of a copy of a service's database, which nobody may be connected to."""
        name = self._copy(service, f"{service}_{next(self._numbers)}", original)
        return name, self.postgres.url(service, database=name)

    def drop_database(self, name: str) -> None:
        """Drop the database, whoever is still connected."""
        with psycopg.connect(self.postgres.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _copy(self, service: str, suffix: str, template: str) -> str:
        # The folder's name keeps two runs apart on one server that DATABASE_URL names.
        name = f"{self.folder.name}_{suffix}".replace("-", "_")
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy")
        parts = [sql.Identifier(part) for part in (name, f"licentia_{service}", template)]
        with psycopg.connect(self.postgres.admin_url, autocommit=True) as connection:
            connection.execute(statement.format(*parts))
        return name
