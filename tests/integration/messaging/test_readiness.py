"""Ready means that work can be done: each part is taken away, is the one that is named, and comes back by itself."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database, Process, Start, new_database, processes
from tests.integration.messaging.test_processes import database_away
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.ground import Ground

QUICK = {
    "HEALTH_KEEP": "0.3",
    "HEALTH_KEEP_BAD": "0.1",
    "HEALTH_STUCK_AFTER": "5",
    "AMQP_LONGEST_PAUSE": "0.5",
    "DATABASE_LISTEN_CHECK": "0.5",
    "DATABASE_SILENCE": "0.5",
}
KINDS = ["rpc", "worker"]
LISTENER_LOST = "wakeups lost the database"


@dataclass
class Running:
    """A process and its probes."""

    process: Process
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = json.loads(self.process.wait_for("health_port", 60))["health_port"]

    def probe(self, path: str, timeout: float = 20) -> tuple[int, dict[str, Any]]:
        """Status and report."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def figures(self) -> dict[str, str]:
        """What ``/metrics`` tells of the tables."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines()]
        asked = ("outbox_unpublished", "dead_letters_waiting{", "dead_letters_oldest_seconds")
        return {line[0]: line[1] for line in lines if line[0].startswith(asked)}

    def broken(self) -> set[str]:
        """The parts that are named; what stands behind one of them is not known, and not named."""
        status, report = self.probe("/readyz")
        named = {part for part, outcome in report.items() if outcome not in ("ok", "unknown")}
        assert (status == 200) == (not named), report
        return named

    def names(self, part: str) -> bool:
        """Wait until exactly this part is named; and when it is given back, wait until none is."""
        return bool(eventually(lambda: self.broken() == {part}, 15))

    def is_ready(self) -> bool:
        """Wait until it is."""
        return bool(eventually(lambda: not self.broken(), 20))


@dataclass(frozen=True, kw_only=True)
class House:
    """Both processes of the example on a virtual host and a database of their own."""

    ground: Ground
    vhost: str
    url: str
    database: Database
    rpc: Running
    worker: Running
    folder: Path

    def of(self, kind: str) -> Running:
        """The process of this kind."""
        return self.rpc if kind == "rpc" else self.worker

    def evaluate(self, expression: str) -> str:
        """Evaluate in the broker."""
        return self.ground.broker.evaluate(expression.replace("VHOST", f'<<"{self.vhost}">>'))


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    vhost, url = ground.new_vhost()
    folder = tmp_path_factory.mktemp("readiness")
    with new_database(ground) as database, processes(folder) as start:
        still = {"STAND_STILL": str(folder / "still")}
        both = [start(kind, database=database, amqp_url=url, **QUICK, **still) for kind in KINDS]
        rpc, worker = (Running(one) for one in both)
        yield House(ground=ground, vhost=vhost, url=url, database=database, rpc=rpc, worker=worker, folder=folder)
        for one in both:
            one.kill()
    ground.broker.delete_vhost(vhost)


@contextmanager
def nobody_may_declare(house: House) -> Iterator[None]:
    """Who is connected stays so, and may no longer declare or consume anything."""
    set_all = (
        'rabbit_auth_backend_internal:set_permissions(<<"licentia">>, VHOST, <<"PATTERN">>, <<"PATTERN">>, '
        '<<"PATTERN">>, <<"test">>)'
    )
    house.evaluate(set_all.replace("PATTERN", "^$"))
    try:
        yield
    finally:
        house.evaluate(set_all.replace("PATTERN", ".*"))


def delete_queue(house: House, name: str) -> None:
    """Delete a queue, which cancels its consumers."""
    resource = f'rabbit_misc:r(VHOST, queue, <<"{name}">>)'
    house.evaluate(f'{{ok, Q}} = rabbit_amqqueue:lookup({resource}), rabbit_amqqueue:delete(Q, false, false, <<"t">>)')


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_ready_when_every_part_is_there(house: House, kind: str) -> None:
    assert house.of(kind).is_ready()
    parts = {"rpc": {"requests"}, "worker": {"events", "dead_letters"}}[kind]
    assert set(house.of(kind).probe("/readyz")[1]) == parts | {"broker", "database", "migrations"}
    assert house.of(kind).probe("/healthz")[0] == 200


@pytest.mark.parametrize(
    ("kind", "queue", "part"),
    [
        ("rpc", "rpc-lending", "requests"),
        ("worker", "lending.events.heard", "events"),
        ("worker", "lending.events.dead", "dead_letters"),
    ],
)
def test_a_consumer_that_is_cancelled_is_named(house: House, kind: str, queue: str, part: str) -> None:
    assert house.of(kind).is_ready()
    with nobody_may_declare(house):
        delete_queue(house, queue)
        assert eventually(lambda: part in house.of(kind).broken(), 10)
        assert house.of(kind).broken() <= {part, "broker"}
    assert house.of(kind).is_ready()


def test_a_broker_that_takes_no_connections_is_named(house: House) -> None:
    house.evaluate("rabbit_maintenance:suspend_all_client_listeners()")
    try:
        house.evaluate("rabbit_maintenance:close_all_client_connections()")
        for one in (house.rpc, house.worker):
            assert one.names("broker")
            assert one.probe("/healthz")[0] == 200
    finally:
        house.evaluate("rabbit_maintenance:resume_all_client_listeners()")
    assert house.rpc.is_ready()
    assert house.worker.is_ready()


def test_a_database_that_is_stopped_is_named(house: House) -> None:
    assert house.rpc.is_ready()
    with database_away(house.ground, house.database):
        for one in (house.rpc, house.worker):
            assert one.names("database")
            assert one.probe("/healthz")[0] == 200
    assert house.rpc.is_ready()
    assert house.worker.is_ready()


def test_a_database_that_is_frozen_is_named_in_time(house: House) -> None:
    if house.ground.postgres.external:
        pytest.skip("a server of somebody else's is not frozen")
    losses = house.worker.process.log.read_text().count(LISTENER_LOST)
    with frozen(house.ground.postgres.server):
        for one in (house.rpc, house.worker):
            assert one.names("database")
            began = time.monotonic()
            assert one.broken() == {"database"}
            assert time.monotonic() - began < 2
            assert one.probe("/healthz")[0] == 200
        # nothing comes from a server that has nothing to tell either: the listener asks
        assert eventually(lambda: house.worker.process.log.read_text().count(LISTENER_LOST) > losses, 10)
    assert house.rpc.is_ready()
    assert house.worker.is_ready()


def test_metrics_of_a_frozen_database_come_in_time_and_are_no_numbers(house: House) -> None:
    if house.ground.postgres.external:
        pytest.skip("a server of somebody else's is not frozen")
    assert house.worker.is_ready()
    known = house.worker.figures()
    assert {"outbox_unpublished", 'dead_letters_waiting{reason="given_up"}', "dead_letters_oldest_seconds"} <= {*known}
    assert set(known.values()) == {"0.0"}
    with frozen(house.ground.postgres.server):
        took = []

        def are_no_numbers() -> bool:
            began = time.monotonic()
            figures = house.worker.figures()
            took.append(time.monotonic() - began)
            return figures == dict.fromkeys(known, "NaN")

        assert eventually(are_no_numbers, 15)
        assert all(are_no_numbers() for _ in range(3))
        assert max(took) < 5
    assert eventually(lambda: house.worker.figures() == known, 20)
    assert house.worker.is_ready()


def test_a_database_behind_the_code_is_named(house: House) -> None:
    revision = house.database.one("SELECT version_num FROM alembic_version")
    house.database.execute("UPDATE alembic_version SET version_num = '0000'")
    for one in (house.rpc, house.worker):
        assert one.names("migrations")
    house.database.execute("UPDATE alembic_version SET version_num = :revision", revision=revision)
    assert house.rpc.is_ready()
    assert house.worker.is_ready()


def test_probes_cost_the_database_nothing(house: House, start: Start) -> None:
    worker = Running(start("worker", database=house.database, amqp_url=house.url, HEALTH_KEEP="60"))
    assert worker.is_ready()
    asked = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"

    def rate() -> int:
        before = int(house.database.one(asked))
        for _ in range(200):
            worker.broken()
        return int(house.database.one(asked)) - before

    assert rate() < 100
    worker.process.kill()


def test_a_hub_that_does_not_turn_is_noticed_and_turns_again(house: House) -> None:
    assert house.rpc.is_ready()
    client = Client(house.url)
    client.send("misbehave", {"how": "block"})

    def silent() -> bool:
        try:
            return house.rpc.probe("/healthz", timeout=1)[0] != 200
        except OSError:
            return True

    assert eventually(silent, 5, every=0.01)
    assert eventually(lambda: not silent(), 20)
    client.close()


def test_a_thread_that_is_stuck_is_named_and_the_others_are_not(house: House) -> None:
    still = house.folder / "still"
    still.touch()
    try:

        def stuck() -> bool:
            status, report = house.worker.probe("/healthz")
            return status == 503 and {name for name, one in report.items() if one != "ok"} == {"job stand still"}

        assert eventually(stuck, 15)
        assert house.worker.is_ready()
    finally:
        still.unlink()
    assert eventually(lambda: house.worker.probe("/healthz")[0] == 200, 10)


def test_a_key_that_cannot_be_read_stops_the_start_with_one_sentence(house: House, start: Start) -> None:
    process = start("rpc", database=house.database, amqp_url=house.url, public_key="/nowhere/key.pem")
    assert process.child.wait(20) == 1
    last = process.log.read_text().strip().splitlines()[-1]
    assert last.startswith("PRINCIPAL_PUBLIC_KEY cannot be")
    assert "Traceback" not in process.log.read_text()
