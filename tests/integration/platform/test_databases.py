"""The databases of tests: freshly migrated, and each test's own."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from deploy.local.postgres import SERVICES
from libs.chassis.clock import ManualClock
from tests.support.databases import WorkFor
from tests.support.ground import Ground


@pytest.mark.parametrize("_again", range(2))
def test_every_test_begins_with_an_empty_migrated_database(work_for: WorkFor, _again: int) -> None:
    with work_for("licensing") as work:
        assert work.session.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 0
        work.session.execute(text("CREATE TABLE left_behind (id int)"))


def test_units_of_work_share_the_test_s_clock(work_for: WorkFor, clock: ManualClock) -> None:
    with work_for("licensing") as work:
        before = work.now()
    clock.advance(timedelta(minutes=5))
    with work_for("licensing") as work:
        assert work.now() - before == timedelta(minutes=5)


def test_an_exception_undoes_the_work(work_for: WorkFor) -> None:
    def do_half_of_it() -> None:
        with work_for("licensing") as work:
            work.session.execute(text("CREATE TABLE half_done (id int)"))
            raise LookupError

    with pytest.raises(LookupError):
        do_half_of_it()
    with work_for("licensing") as work:
        assert work.session.execute(text("SELECT to_regclass('half_done')")).scalar_one() is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_enters_its_own_database_and_no_other(ground: Ground, service: str) -> None:
    ground.postgres.create_databases()
    with psycopg.connect(_address(ground, service, service), autocommit=True) as connection:
        for deed in ("CREATE ROLE another", "CREATE DATABASE another", "ALTER ROLE postgres PASSWORD 'mine'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(deed)
    for other in set(SERVICES) - {service}:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(_address(ground, service, other))


def _address(ground: Ground, service: str, owner: str) -> str:
    return ground.postgres.url(service, database=f"licentia_{owner}").replace("+psycopg", "")
