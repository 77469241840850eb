"""What a probe asks of the database, over a connection that no crowd of requests can keep from it."""

from collections.abc import Callable

import attrs
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from libs.chassis.database import create_engine
from libs.chassis.waits import DatabaseWaits, database_waits, process_waits
from libs.messaging import faults
from libs.messaging.revisions import check_revision, head_revision, migrations_of


def database_checks(service: str, url: str, application_name: str) -> dict[str, Callable[[], None]]:
    """The checks ``database`` and ``migrations``, to be asked one after the other."""
    patience = process_waits().health_check_timeout
    waits: DatabaseWaits = attrs.evolve(
        database_waits(),  # type: ignore[misc]  # attrs' plugin does not know environ's classes
        connect_timeout=2,
        pool_size=1,
        pool_timeout=patience,
        statement_timeout=patience,
        lock_timeout=patience,
        silence=patience,
    )
    engine = create_engine(url, application_name=application_name, pre_ping=False, waits=waits)
    head = head_revision(migrations_of(service))
    return {"database": lambda: _check_answers(engine), "migrations": lambda: check_revision(engine, head)}


def _check_answers(engine: Engine) -> None:
    try:
        _ask(engine)
    except DBAPIError as error:
        if not faults.is_lost_connection(error):
            raise
        _ask(engine)  # the connection of the last probe had died since; the server may be well


def _ask(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
