"""Migrations of the services' databases: ``python -m libs.messaging.migrate orders identity …`` (none named: all).

A service's folder holds only ``migrations/versions/NNNN_what.py``; Alembic is driven from here, for all alike. Only one
process migrates a database at a time, and a migration that cannot get its lock in time gives up instead of queueing
everybody behind it.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from libs.chassis.database import normalise_url
from libs.chassis.logging import configure, get_logger
from libs.messaging.revisions import migrations_of, services_with_migrations

log = get_logger(__name__)

LOCK_TIMEOUT_MS = 10_000
STATEMENT_TIMEOUT_MS = 300_000
_LOCK = 0x4C494345  # any number, the same for all


def migrate(url: str, folder: Path, *, revision: str = "head", down: bool = False) -> None:
    """Bring a database forwards to a revision; with ``down`` back to an older one (``base``: to nothing)."""
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
    engine = create_engine(normalise_url(url), poolclass=NullPool, connect_args={"options": options})
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        _run(connection, folder, revision, down)


def _run(connection: Connection, folder: Path, revision: str, down: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])

    def steps(current: Any, _context: Any) -> Any:
        return (script._downgrade_revs if down else script._upgrade_revs)(revision, current)

    with EnvironmentContext(config, script, fn=steps, destination_rev=revision) as environment:
        # one transaction for all steps: the caller's, which also holds the lock
        environment.configure(connection=connection, transaction_per_migration=False)
        environment.run_migrations()


def main(argv: Sequence[str] | None = None) -> None:
    """Migrate the databases of the named services, or of all."""
    parser = argparse.ArgumentParser(prog="python -m libs.messaging.migrate", description=main.__doc__)
    parser.add_argument("services", nargs="*", help="such as: orders identity")
    parser.add_argument("--revision", default="head", help="the revision to go to")
    parser.add_argument("--down", action="store_true", help="go back to the revision; 'base' is an empty database")
    arguments = parser.parse_args(argv)
    configure("migrate")
    for service in arguments.services or services_with_migrations():
        url = os.environ[f"{service.upper()}_DATABASE_URL"]
        migrate(url, migrations_of(service), revision=arguments.revision, down=arguments.down)
        log.info("database migrated", of=service, revision=arguments.revision)


if __name__ == "__main__":
    main()
