"""What a probe asks of the database, over a connection that no crowd of requests can keep from it."""

from collections.abc import Callable

import attrs
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from libs.chassis.database import create_engine
from libs.chassis.waits import DatabaseWaits, database_waits, process_waits
from libs.messaging import faults
from libs.messaging.revisions import check_revision, head_revision, migrations_of

CONNECTIONS = 2
"""One for ``/readyz``, and one for ``/metrics`` where both are asked at the same time."""


def probing_engine(url: str, application_name: str) -> Engine:
    """An engine for probes alone, which gives every wait up as early as a probe must be answered."""
    patience = process_waits().health_check_timeout
    waits: DatabaseWaits = attrs.evolve(
        database_waits(),  # type: ignore[misc]  # attrs' plugin does not know environ's classes
        connect_timeout=2,
        pool_size=CONNECTIONS,
        pool_timeout=patience,
        statement_timeout=patience,
        lock_timeout=patience,
        silence=patience,
    )
    return create_engine(url, application_name=application_name, pre_ping=False, waits=waits)


def database_checks(service: str, engine: Engine) -> dict[str, Callable[[], None]]:
    """The checks ``database`` and ``migrations``, to be asked one after the other."""
    head = head_revision(migrations_of(service))
    return {
        "database": lambda: once_more_if_lost(lambda: _ask(engine)),
        "migrations": lambda: check_revision(engine, head),
    }


def once_more_if_lost(ask: Callable[[], None]) -> None:
    """Ask, and again where the connection of the last probe had died since: the server may be well."""
    try:
        ask()
    except DBAPIError as error:
        if not faults.is_lost_connection(error):
            raise
        ask()


def _ask(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
