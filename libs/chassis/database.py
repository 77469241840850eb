"""Connections and sessions of one service's own PostgreSQL database."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import DateTime, Engine, MetaData, Numeric, Uuid, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from libs.chassis.patience import PatientConnection, connection_arguments
from libs.chassis.waits import DatabaseWaits, database_waits

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """Metadata whose constraints have predictable names."""
    return MetaData(naming_convention=NAMING)


class ServiceBase(DeclarativeBase):
    """The types all services share; each service derives its own ``Base`` with ``metadata = new_metadata()``."""

    __abstract__ = True
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        Decimal: Numeric(14, 2),
        UUID: Uuid(),
        dict[str, Any]: JSONB,
        dict[str, str]: JSONB,
        list[Any]: JSONB,
        list[str]: JSONB,
    }


def create_engine(
    url: str,
    *,
    pool_size: int = 8,
    application_name: str = "licentia",
    pre_ping: bool = True,
    read_only: bool = False,
    waits: DatabaseWaits | None = None,
) -> Engine:
    """An engine with every wait bounded: for a connection, a lock, a statement, an idle transaction, a frozen server.

    Without ``pre_ping`` a connection that died in the pool is found by the statement that uses it: a round trip less,
    for those who try again. ``read_only``: the database refuses every change, and each statement stands for itself.
    """
    waits = waits or database_waits()
    options = (
        f"-c statement_timeout={_ms(waits.statement_timeout)} -c lock_timeout={_ms(waits.lock_timeout)} "
        f"-c idle_in_transaction_session_timeout={_ms(waits.idle_in_transaction_timeout)} -c timezone=UTC"
        + (" -c default_transaction_read_only=on" if read_only else "")
    )
    engine = sqlalchemy.create_engine(
        normalise_url(url),
        pool_size=waits.pool_size or pool_size,
        max_overflow=0,
        pool_timeout=waits.pool_timeout,
        pool_pre_ping=pre_ping,
        **({"isolation_level": "AUTOCOMMIT"} if read_only else {}),
        pool_recycle=waits.recycle,
        connect_args={"options": options, "application_name": application_name, **connection_arguments(waits)},
    )
    patience = waits.statement_timeout + waits.silence

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> PatientConnection:
        connection = PatientConnection.connect(*arguments, **parameters)
        connection.patience = patience
        return connection

    @event.listens_for(engine, "checkin")
    def be_patient_as_usual(connection: PatientConnection | None, _record: Any) -> None:
        if connection is not None:
            connection.patience = patience

    return engine


def allow_statements(session: Session, seconds: float) -> None:
    """Let the statements of this transaction take longer than the usual limit."""
    connection = session.connection()
    connection.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(_ms(seconds))})
    driver = connection.connection.driver_connection
    if isinstance(driver, PatientConnection):
        driver.patience = seconds + database_waits().silence


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def normalise_url(url: str) -> str:
    """Accept the usual ``postgresql://`` and ``postgres://`` forms for psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep loaded objects readable after the commit, so that views can be made of them."""
    return sessionmaker(engine, expire_on_commit=False)
