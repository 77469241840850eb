"""Read-only looks at every service's database, two of each, so that causes and effects can be compared.

No snapshot spans databases. What is taken from the *first* series is looked for in the *second*, which was taken after
all of the first: the cause of every effect seen in the first is in the second, however busy the installation is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import IsolationLevel
from psycopg.sql import SQL
from sqlalchemy import make_url

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
BATCH = 20_000

Connection = psycopg.Connection[tuple[Any, ...]]


class Unreadable(Exception):
    """A database cannot be read; the text says which and why."""


def query(sql: str) -> SQL:
    """A statement of this package as psycopg wants it: all are constants, values go in as parameters."""
    return SQL(sql)


class Snapshots:
    """Two series of snapshots of all databases; closes what it opened."""

    def __init__(self, databases: Mapping[str, str]) -> None:
        self._databases = databases
        self.first: dict[str, Connection] = {}
        self.then: dict[str, Connection] = {}

    def __enter__(self) -> Self:
        try:
            for series in (self.first, self.then):
                for service, url in self._databases.items():
                    series[service] = look_at(service, url)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all looks."""
        for connection in (*self.first.values(), *self.then.values()):
            connection.close()


def look_at(service: str, url: str) -> Connection:
    """A snapshot of one database that can change nothing and waits for nothing long."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    milliseconds = STATEMENT_SECONDS * 1000
    options = f"-c statement_timeout={milliseconds} -c lock_timeout=5000 -c default_transaction_read_only=on -c jit=off"
    try:
        connection = psycopg.connect(
            address, connect_timeout=CONNECT_SECONDS, options=options, application_name="operations invariants"
        )
        connection.read_only = True
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")  # the snapshot is of the moment of the first statement
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise Unreadable(f"The database of {service} cannot be read: {reason}") from error
    return connection


def stream(connection: Connection, sql: str, params: Mapping[str, Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a statement in batches, held on the server until they are asked for."""
    with connection.cursor(name="carried") as cursor:
        cursor.itersize = BATCH
        cursor.execute(query(sql), params)
        while rows := cursor.fetchmany(BATCH):
            yield rows
