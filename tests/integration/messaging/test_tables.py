"""Migrations, housekeeping, and what a rolled-back schema leaves."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text

from libs.chassis.clock import ManualClock
from libs.messaging import housekeeping
from libs.messaging.jobs import JobRunner
from libs.messaging.migrate import main, migrate
from libs.messaging.revisions import check_current, current_revision
from libs.messaging.work import work_factory
from tests.integration.messaging.conftest import MIGRATIONS, Database

DEAD = ("dead_letters", "dead_letter_deeds")


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return current_revision(connection)


def test_a_migrated_database_holds_messagings_tables_and_knows_its_revision(database: Database) -> None:
    assert tables(database) == {"alembic_version", "books", "tallies", "outbox", "inbox", "commands", *DEAD}
    assert revision(database) == "0001"
    check_current(database.engine, MIGRATIONS)


def test_migrating_again_changes_nothing_and_going_down_leaves_nothing(database: Database) -> None:
    migrate(database.url, MIGRATIONS)
    assert revision(database) == "0001"

    migrate(database.url, MIGRATIONS, revision="base", down=True)

    assert tables(database) == {"alembic_version"}
    assert revision(database) is None
    with pytest.raises(RuntimeError, match="not migrated"):
        check_current(database.engine, MIGRATIONS)


def test_processes_that_migrate_at_once_wait_for_each_other(database: Database) -> None:
    migrate(database.url, MIGRATIONS, revision="base", down=True)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(database.url, MIGRATIONS)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    assert revision(database) == "0001"


def test_the_command_migrates_the_services_it_is_given(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setenv("ORDERS_DATABASE_URL", "postgresql://orders")
    monkeypatch.setenv("MFA_DATABASE_URL", "postgresql://mfa")
    monkeypatch.setattr("libs.messaging.migrate.configure", lambda name: None)
    monkeypatch.setattr("libs.messaging.migrate.migrate", lambda *args, **options: asked.append((*args, options)))

    main(["orders", "mfa"])
    main(["mfa", "--revision", "0001", "--down"])

    assert [(url, folder.parent.name, options) for url, folder, options in asked] == [
        ("postgresql://orders", "orders", {"revision": "head", "down": False}),
        ("postgresql://mfa", "mfa", {"revision": "head", "down": False}),
        ("postgresql://mfa", "mfa", {"revision": "0001", "down": True}),
    ]


FILL = """
    INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload, published_at)
        SELECT gen_random_uuid(), 'lending.x.v1', 's', 'c', :old, '{}', :old FROM generate_series(1, 12);
    INSERT INTO outbox (id, type, subject, correlation_id, occurred_at, payload, published_at)
        VALUES (gen_random_uuid(), 'lending.x.v1', 'unpublished', 'c', :old, '{}', NULL),
               (gen_random_uuid(), 'lending.x.v1', 'recent', 'c', :recent, '{}', :recent);
    INSERT INTO inbox (message_id, handler, handled_at)
        VALUES (gen_random_uuid(), 'old', :old), (gen_random_uuid(), 'recent', :recent);
    INSERT INTO commands (account_id, command_id, name, request_digest, created_at)
        VALUES ('', 'old', 'n', 'd', :old), ('', 'recent', 'n', 'd', :recent);
"""


def test_housekeeping_deletes_what_is_old_and_never_an_event_that_waits(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "STEP", 5)
    times = {"old": clock.now() - timedelta(days=91), "recent": clock.now() - timedelta(days=6)}
    with database.engine.begin() as connection:
        for statement in FILL.split(";\n")[:-1]:
            needed = {name: value for name, value in times.items() if f":{name}" in statement}
            connection.execute(text(statement), needed)
    runner = JobRunner(housekeeping.JOBS[0], work_factory(database.sessions, clock))

    steps = 1
    while runner.run_once():
        steps += 1

    assert steps == 3, "five rows a step, so that no transaction is long"
    assert {row.subject for row in database.all("SELECT subject FROM outbox")} == {"unpublished", "recent"}
    assert [row.handler for row in database.all("SELECT handler FROM inbox")] == ["recent"]
    assert [row.command_id for row in database.all("SELECT command_id FROM commands")] == ["recent"]


def test_how_long_rows_are_kept_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert housekeeping.keep_days("commands") == 7
    monkeypatch.setenv("COMMANDS_KEEP_DAYS", "2")
    assert housekeeping.keep_days("commands") == 2
