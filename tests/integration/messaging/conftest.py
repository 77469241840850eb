"""A database and a broker for the example service, and the processes that serve it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from libs.chassis.database import create_engine, session_factory
from libs.chassis.principal import generate_key_pair
from libs.messaging.migrate import migrate
from libs.messaging.work import WorkFactory, work_factory
from libs.messaging.worker import Subscriptions, Worker
from tests.integration.messaging.client import Client
from tests.integration.messaging.events import LADDER, RunWorker
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

FOLDER = Path(__file__).parent
MIGRATIONS = FOLDER / "example" / "lending" / "migrations"


@dataclass(frozen=True, kw_only=True)
class Database:
    """The example's database, for one test or one module."""

    url: str
    engine: Engine
    sessions: sessionmaker[Session]

    @property
    def open_work(self) -> WorkFactory:
        return work_factory(self.sessions)

    def one(self, statement: str, **parameters: Any) -> Any:
        """The one value of a query."""
        with self.engine.connect() as connection:
            return connection.execute(text(statement), parameters).scalar_one()

    def all(self, statement: str, **parameters: Any) -> list[Any]:
        """The rows of a query."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(statement), parameters))

    def execute(self, statement: str, **parameters: Any) -> None:
        """Run a statement and commit."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), parameters)


@contextmanager
def new_database(ground: Ground) -> Iterator[Database]:
    name, url = ground.new_database("lending", lambda url: migrate(url, MIGRATIONS))
    engine = create_engine(url, pool_size=20)
    yield Database(url=url, engine=engine, sessions=session_factory(engine))
    engine.dispose()
    ground.drop_database(name)


@pytest.fixture
def database(ground: Ground) -> Iterator[Database]:
    with new_database(ground) as database:
        yield database


class Process:
    """A running process of the example service."""

    def __init__(
        self,
        kind: str,
        *,
        database_url: str,
        amqp_url: str,
        public_key: str,
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        environment = {
            **os.environ,
            **(environment or {}),
            "LENDING_DATABASE_URL": database_url,
            "AMQP_URL": amqp_url,
            "PRINCIPAL_PUBLIC_KEY": public_key,
            "PYTHONPATH": str(FOLDER.parents[2]),
            "LOG_FORMAT": "json",
        }
        self.log = log
        with log.open("wb") as output:
            self.child = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, str(FOLDER / "boot.py"), "lending", kind],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=FOLDER.parents[2],
            )

    def wait_for(self, words: str, timeout: float = 20) -> str:
        """The log line that holds these words."""

        def line() -> str | None:
            assert self.child.poll() is None, self.log.read_text()
            return next((line for line in self.log.read_text().splitlines() if words in line), None)

        found = eventually(line, timeout)
        assert found
        return found

    def memory(self) -> int:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024

    def kill(self) -> None:
        self.child.kill()
        self.child.wait(10)

    def stop(self, timeout: float = 30) -> int:
        """Ask it to end; its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout)


Start = Callable[..., Process]


@contextmanager
def processes(folder: Path) -> Iterator[Start]:
    running: list[Process] = []

    def start(
        kind: str, *, database: Database, amqp_url: str, public_key: str = KEYS[1], **environment: str
    ) -> Process:
        log = folder / f"{len(running)}-{kind}.log"
        process = Process(
            kind,
            database_url=database.url,
            amqp_url=amqp_url,
            public_key=public_key,
            log=log,
            environment=environment,
        )
        running.append(process)
        return process

    try:
        yield start
    finally:
        for process in running:
            if process.child.poll() is None:
                process.kill()


KEYS = generate_key_pair()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process of the example: ``start("rpc", database=…, amqp_url=…)``."""
    with processes(tmp_path) as start:
        yield start


@dataclass(frozen=True, kw_only=True)
class Lending:
    """A running rpc process of the example, shared by the tests of a module."""

    client: Client
    database: Database
    process: Process
    amqp_url: str


@pytest.fixture(scope="module")
def lending(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lending]:
    vhost, url = ground.new_vhost()
    with new_database(ground) as database, processes(tmp_path_factory.mktemp("rpc")) as start:
        process = start("rpc", database=database, amqp_url=url)
        process.wait_for("requests are taken")
        client = Client(url)
        yield Lending(client=client, database=database, process=process, amqp_url=url)
        client.close()
        process.kill()
    ground.broker.delete_vhost(vhost)


@pytest.fixture
def run_worker(database: Database, broker: TestBroker) -> Iterator[RunWorker]:
    """Start a worker in this process: ``run_worker({BookLent: tally})``."""
    running: list[Worker] = []

    def run(subscriptions: Subscriptions, **options: Any) -> Worker:
        worker = Worker(
            "lending",
            engine=database.engine,
            amqp_url=broker.url,
            subscriptions=subscriptions,
            **{"ladder": LADDER, **options},
        )
        worker.start()
        running.append(worker)
        return worker

    yield run
    for worker in running:
        assert worker.stop()


@pytest.fixture
def client(broker: TestBroker) -> Iterator[Client]:
    client = Client(broker.url)
    yield client
    client.close()
