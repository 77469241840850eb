"""No statement waits for ever, not even for a server that is frozen."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from deploy.local.postgres import Postgres
from libs.chassis import database
from libs.chassis.database import allow_statements, create_engine
from libs.chassis.waits import DatabaseWaits
from libs.messaging import faults
from tests.support.freezing import frozen
from tests.support.ground import Ground

WAITS = DatabaseWaits(connect_timeout=2, pool_timeout=0.3, statement_timeout=0.5, lock_timeout=0.2, silence=0.5)


@pytest.fixture
def server(ground: Ground) -> Postgres:
    if ground.postgres.external:
        pytest.skip("a server of somebody else's is not frozen")
    return ground.postgres


@pytest.fixture
def engine(server: Postgres) -> Iterator[Engine]:
    engine = create_engine(server.admin_url, pool_size=1, pre_ping=False, waits=WAITS)
    yield engine
    engine.dispose()


def test_a_statement_that_a_frozen_server_never_ends_is_given_up_and_the_next_one_works(
    engine: Engine, server: Postgres
) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    began = time.monotonic()
    with frozen(server.server), pytest.raises(OperationalError) as failure, engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert time.monotonic() - began < 3
    assert faults.is_outage(failure.value)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 2")).scalar_one() == 2


def test_the_commit_of_a_frozen_server_is_an_unknown_end_and_comes_in_time(engine: Engine, server: Postgres) -> None:
    began = time.monotonic()
    with Session(engine) as session:
        session.execute(text("CREATE TEMPORARY TABLE probe (id int)"))
        with frozen(server.server), pytest.raises(OperationalError) as failure:
            session.commit()
    assert time.monotonic() - began < 3
    assert faults.is_outage(failure.value)


def test_a_connection_to_a_frozen_server_is_not_waited_for(engine: Engine, server: Postgres) -> None:
    began = time.monotonic()
    with frozen(server.server), pytest.raises(OperationalError), engine.connect():
        pass
    assert time.monotonic() - began < 4


def test_a_slow_statement_is_ended_by_the_server_and_a_long_one_may_be_allowed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "database_waits", lambda: WAITS)
    with pytest.raises(OperationalError) as failure, Session(engine) as session:
        session.execute(text("SELECT pg_sleep(2)"))
    assert faults.is_overload(failure.value)
    with Session(engine) as session:
        allow_statements(session, 5)
        session.execute(text("SELECT pg_sleep(1.2)"))
    with pytest.raises(OperationalError), Session(engine) as session:
        session.execute(text("SELECT pg_sleep(2)"))


def test_who_finds_no_free_connection_is_told_soon(engine: Engine) -> None:
    began = time.monotonic()
    with engine.connect(), pytest.raises(NoConnectionFree), engine.connect():
        pass
    assert time.monotonic() - began < 2
