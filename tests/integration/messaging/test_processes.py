"""The processes: how they start, say that they are ready, survive outages, and stop."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from libs.messaging.migrate import migrate
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import MIGRATIONS, Database, Process, Start
from tests.integration.messaging.example.lending.model import Book
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

NOWHERE = "amqp://nobody@127.0.0.1:9/"
CLOSE_ALL = '[rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:connections()]'

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def client(broker: TestBroker) -> Iterator[Client]:
    client = Client(broker.url)
    yield client
    client.close()


def health(process: Process, path: str) -> tuple[int, Any]:
    """Status and report of a probe."""
    port = json.loads(process.wait_for("health_port"))["health_port"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:  # our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@contextmanager
def database_away(ground: Ground, database: Database) -> Iterator[None]:
    """The database takes no connections and has dropped those it had."""
    name = make_url(database.url).database or ""
    with psycopg.connect(ground.postgres.admin_url, autocommit=True) as admin:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@pytest.mark.parametrize("kind", ["rpc", "worker"])
def test_a_process_says_when_it_is_ready_and_shows_its_figures(
    database: Database, broker: TestBroker, start: Start, kind: str
) -> None:
    process = start(kind, database=database, amqp_url=broker.url)

    assert eventually(lambda: health(process, "/readyz")[0] == 200, 20)
    assert health(process, "/healthz")[0] == 200
    status, figures = health(process, "/metrics")
    assert status == 200
    assert ("rpc_seconds" if kind == "rpc" else "outbox_unpublished 0.0") in figures
    assert process.stop() == 0


def test_figures_are_shown_while_the_database_is_away(
    database: Database, broker: TestBroker, start: Start, ground: Ground
) -> None:
    process = start("worker", database=database, amqp_url=broker.url)
    assert eventually(lambda: health(process, "/readyz")[0] == 200, 20)

    with database_away(ground, database):
        status, figures = health(process, "/metrics")

    assert (status, "outbox_unpublished NaN" in figures) == (200, True)
    assert process.stop() == 0


@pytest.mark.parametrize("kind", ["rpc", "worker"])
def test_a_process_on_a_database_that_is_not_migrated_is_not_ready(
    database: Database, broker: TestBroker, start: Start, kind: str
) -> None:
    migrate(database.url, MIGRATIONS, revision="base", down=True)
    process = start(kind, database=database, amqp_url=broker.url)

    report = json.loads(health(process, "/readyz")[1])

    assert report["migrations"] == "NotMigrated"
    assert process.stop() == 0


@pytest.mark.parametrize("kind", ["rpc", "worker"])
def test_without_a_broker_a_process_waits_and_still_stops_in_good_order(
    database: Database, start: Start, kind: str
) -> None:
    process = start(kind, database=database, amqp_url=NOWHERE)
    process.wait_for("lost the broker")

    assert json.loads(health(process, "/readyz")[1])["broker"] == "ConnectionError"
    assert health(process, "/healthz")[0] == 200
    assert process.stop() == 0


def test_a_stopped_rpc_process_answers_what_it_began_and_takes_nothing_more(
    database: Database, broker: TestBroker, start: Start, client: Client
) -> None:
    process = start("rpc", database=database, amqp_url=broker.url)
    process.wait_for("requests are taken")
    begun = [client.send("pause", {"seconds": 1}) for _ in range(3)]
    eventually(lambda: database.one("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%'") >= 3)

    assert process.stop() == 0

    assert [client.receive(call)["error"] for call in begun] == [None] * 3
    late = client.send("pause", {"seconds": 0})
    assert client.depth("rpc-lending") == 1, "what was answered is acknowledged, what came later waits"
    start("rpc", database=database, amqp_url=broker.url)
    assert client.receive(late)["error"] is None


def test_a_request_whose_process_was_killed_is_answered_by_another_and_done_once(
    database: Database, broker: TestBroker, start: Start, client: Client
) -> None:
    victim = start("rpc", database=database, amqp_url=broker.url)
    victim.wait_for("requests are taken")
    slow = client.send("pause", {"seconds": 2})
    command_id = str(uuid4())
    assert client.call("add_book", {"title": "Once"}, command_id=command_id)["error"] is None
    victim.kill()

    start("rpc", database=database, amqp_url=broker.url)

    assert client.receive(slow)["error"] is None
    assert client.call("add_book", {"title": "Once"}, command_id=command_id)["error"] is None
    assert database.one("SELECT count(*) FROM books WHERE title = 'Once'") == 1


def test_losing_the_broker_does_not_end_an_rpc_process(database: Database, broker: TestBroker, start: Start) -> None:
    process = start("rpc", database=database, amqp_url=broker.url)
    process.wait_for("requests are taken")

    broker.evaluate(CLOSE_ALL)
    process.wait_for("rpc lost the broker")

    client = Client(broker.url)
    assert client.result("add_book", {"title": "After the storm"})
    client.close()
    assert process.stop() == 0


def test_while_the_database_is_away_callers_are_told_to_come_back(
    ground: Ground, database: Database, broker: TestBroker, start: Start, client: Client
) -> None:
    process = start("rpc", database=database, amqp_url=broker.url)
    process.wait_for("requests are taken")
    assert client.result("add_book", {"title": "Before"})

    with database_away(ground, database):
        error = client.error("add_book", {"title": "Meanwhile"})
        assert (error["kind"], error["retry_after"]) == ("unavailable", 2)
        assert eventually(lambda: health(process, "/readyz")[0] == 503)

    assert client.result("add_book", {"title": "After"})
    assert process.stop() == 0


def test_a_worker_outlives_the_absence_of_its_database(
    ground: Ground, database: Database, broker: TestBroker, start: Start
) -> None:
    process = start("worker", database=database, amqp_url=broker.url)
    eventually(lambda: health(process, "/readyz")[0] == 200, 20)

    with database_away(ground, database):
        process.wait_for("wakeups lost the database")

    def lend_one() -> bool:
        with database.open_work() as work:
            book = Book.add("After the storm")
            work.session.add(book)
            book.lend()
        return True

    database.engine.dispose()
    lend_one()
    assert eventually(lambda: database.one("SELECT count(*) FROM tallies") == 1, 20)
    assert process.stop() == 0


def test_a_process_without_its_settings_says_which_one_is_missing(
    database: Database, broker: TestBroker, start: Start
) -> None:
    process = start("rpc", database=database, amqp_url="")

    assert process.child.wait(20) == 1
    assert "AMQP_URL is not set" in process.log.read_text()


def test_an_unknown_failure_is_logged_with_its_way_but_not_its_words(
    database: Database, broker: TestBroker, start: Start, client: Client
) -> None:
    process = start("rpc", database=database, amqp_url=broker.url)
    process.wait_for("requests are taken")

    client.call("misbehave", {"how": "fail"}, correlation_id="trace-5")

    line = json.loads(process.wait_for("request failed"))
    assert (line["correlation_id"], line["method"], line["service"]) == ("trace-5", "misbehave", "lending-rpc")
    assert any("handlers.py" in frame for frame in line["trail"][0]["frames"])
    assert "Petrov" not in process.log.read_text()
