"""The migrations make the tables that the model describes."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table

from libs.messaging import tables
from services.identity.model import Base
from tests.support.databases import Databases


def test_the_migrated_database_is_the_one_of_the_model(service_database: Databases) -> None:
    assert differences(service_database, Base.metadata) == []


def test_a_difference_is_found(service_database: Databases) -> None:
    other = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.tables.values():
        if table.name != "throttles":
            table.to_metadata(other)
    assert "throttles" in str(differences(service_database, other))


def differences(service_database: Databases, metadata: MetaData) -> list[object]:
    messaging = {table.name for table in tables.metadata.tables.values()} | {"alembic_version"}

    def ours(thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        table = thing if kind == "table" else getattr(thing, "table", None)
        return not (isinstance(table, Table) and table.name in messaging) and name not in messaging

    with service_database("identity").engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return list(compare_metadata(context, metadata))
