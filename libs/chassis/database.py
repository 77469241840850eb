"""Connections and sessions of one service's own PostgreSQL database."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy
from sqlalchemy import DateTime, Engine, MetaData, Numeric, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

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
    statement_timeout_ms: int = 15_000,
    lock_timeout_ms: int = 5_000,
    pool_timeout_s: float = 5.0,
    application_name: str = "licentia",
    pre_ping: bool = True,
    read_only: bool = False,
) -> Engine:
    """An engine with every wait bounded: for a connection, for a lock, for a statement, for an idle transaction.

    Without ``pre_ping`` a connection that died in the pool is found by the statement that uses it: a round trip less,
    for those who try again. ``read_only``: the database refuses every change, and each statement stands for itself.
    """
    options = (
        f"-c statement_timeout={statement_timeout_ms} -c lock_timeout={lock_timeout_ms} "
        "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
        + (" -c default_transaction_read_only=on" if read_only else "")
    )
    return sqlalchemy.create_engine(
        normalise_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=pre_ping,
        **({"isolation_level": "AUTOCOMMIT"} if read_only else {}),
        pool_recycle=1800,
        connect_args={"options": options, "connect_timeout": 5, "application_name": application_name},
    )


def normalise_url(url: str) -> str:
    """Accept the usual ``postgresql://`` and ``postgres://`` forms for psycopg 3."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep loaded objects readable after the commit, so that views can be made of them."""
    return sessionmaker(engine, expire_on_commit=False)
