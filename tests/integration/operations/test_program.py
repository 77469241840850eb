"""`python -m operations.invariants`, and the role with which it reads."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import make_url

from operations.installation import SERVICES, Installation, NotFound
from operations.invariants import Unreadable, check
from operations.invariants.__main__ import BROKEN, CANNOT_LOOK, HOLDS, main
from operations.invariants.snapshots import look_at
from tests.integration.operations.conftest import World
from tests.support.ground import Ground

pytestmark = pytest.mark.integration


def _ready(folder: Path, world: World) -> list[str]:
    told = {"databases": dict(world.installation.databases), "amqp_url": world.installation.amqp_url}
    (folder / "ready.json").write_text(json.dumps({"operations": told}))
    return ["--stack", str(folder), "--wait", "0"]


def test_it_prints_a_table_and_ends_well_where_everything_holds(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_ready(tmp_path, world)) == HOLDS
    told = capsys.readouterr().out
    assert "I6 granted as paid" in told
    assert told.rstrip().endswith("everything holds.")


def test_it_tells_breaches_in_words_and_ends_with_one(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.breaks("orders", "UPDATE orders SET paid = paid + 1 WHERE state = 'under_paid'")
    assert main(_ready(tmp_path, world)) == BROKEN
    told = capsys.readouterr().out
    assert "counts 11.00 of 43.20, received 10.00, is under_paid" in told
    assert told.rstrip().endswith("1 breaches.")


def test_it_says_what_is_still_under_way(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.breaks("notifications", "UPDATE mails SET state = 'queued' WHERE template = 'order_expired'")
    assert main(_ready(tmp_path, world)) == HOLDS
    assert "notifications: 1 mails are to be sent" in capsys.readouterr().out


def test_it_says_what_cannot_be_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", str(tmp_path)]) == CANNOT_LOOK
    assert "make run" in capsys.readouterr().err
    with pytest.raises(NotFound, match="MFA_DATABASE_URL"):
        Installation.from_environment({"AMQP_URL": "amqp://nowhere"})


def test_what_cannot_be_read_is_no_breach(world: World) -> None:
    databases = {**world.installation.databases, "mfa": "postgresql+psycopg://nobody@127.0.0.1:1/nothing"}
    with pytest.raises(Unreadable, match="database of mfa"):
        check(Installation(databases=databases, amqp_url=world.installation.amqp_url))
    with pytest.raises(Unreadable, match="broker"):
        check(Installation(databases=world.installation.databases, amqp_url="amqp://127.0.0.1:1/"))


def test_a_look_changes_nothing(world: World) -> None:
    with (
        look_at("orders", world.installation.databases["orders"]) as connection,
        pytest.raises(errors.ReadOnlySqlTransaction),
    ):
        connection.execute("DELETE FROM outbox")


def test_operators_may_read_every_service_s_tables_also_those_to_come_and_write_none(ground: Ground) -> None:
    ground.postgres.create_databases()
    for service in SERVICES:
        owner = make_url(ground.postgres.url(service)).set(drivername="postgresql")
        with psycopg.connect(owner.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute("CREATE TABLE to_come (id int)")
        reader = make_url(ground.postgres.operations_url(service)).set(drivername="postgresql")
        with psycopg.connect(reader.render_as_string(hide_password=False), autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM to_come").fetchone() == (0,)
            for deed in ("INSERT INTO to_come VALUES (1)", "DELETE FROM to_come", "CREATE TABLE own (id int)"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(deed)
        with psycopg.connect(owner.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute("DROP TABLE to_come")
