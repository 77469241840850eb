"""Whether a service's migrations make the tables its model speaks of, and can be taken back."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, inspect

from libs.messaging import tables
from libs.messaging.migrate import migrate
from libs.messaging.revisions import migrations_of
from tests.support.databases import ServiceDatabase


def differences(database: ServiceDatabase, metadata: MetaData) -> list[Any]:
    """What Alembic would still have to change; messaging's own tables are left out."""
    of_messaging = set(tables.metadata.tables) | {
        index.name for table in tables.metadata.tables.values() for index in table.indexes
    }

    def include(_object: object, name: str | None, *_: object) -> bool:
        return name not in of_messaging

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include})
        return list(compare_metadata(context, metadata))


def tables_after_going_back(database: ServiceDatabase) -> set[str]:
    """The tables left when all migrations are taken back."""
    migrate(database.url, migrations_of(database.service), revision="base", down=True)
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}
