"""The installation that is measured: started as `make run` starts it, in a folder and on ports of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import psycopg

from deploy.local.broker import Broker
from deploy.local.errors import CannotStart
from deploy.local.leftovers import stop_leftovers
from deploy.local.machine import HOST, ROOT, Child, free_port, wait_until
from deploy.local.postgres import Postgres
from libs.messaging.migrate import migrate
from libs.messaging.revisions import migrations_of

MEGABYTE = 1_000_000
SECONDS_TO_READY = 180
# As delivered, but that one address may sign in as often as it likes, and that a busy machine makes nobody give up.
SETTINGS = {
    "GATEWAY_SIGN_INS_PER_MINUTE": "0",
    "GATEWAY_RPC_TIMEOUT": "20",
    "GATEWAY_RPC_SLOT_WAIT": "20",
    "GATEWAY_QUEUE_WAIT": "20",
    "IDENTITY_HASHING_WAIT": "20",
    "LOG_FORMAT": "json",
}
QUIET = 0.25
"""Share of one core below which the installation counts as idle; a little is always done by timers and heartbeats."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory of some processes in megabytes: shared pages divided among their users (PSS), and counted in full."""

    processes: int
    pss: float
    rss: float


class Installation:
    """`python -m deploy.local run` in a temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="licentia-bench-"))
        self.run = self.folder / "run"
        self._child = Child("installation", self.folder)
        self._others: list[Child] = []

    def start(self) -> float:
        """Start and wait until everything is ready; the seconds that took."""
        began = time.perf_counter()
        self._child.start(
            [sys.executable, "-m", "deploy.local", "run", "--free-ports", "--dir", str(self.run)],
            env={**os.environ, **SETTINGS},
            cwd=ROOT,
        )
        ready = self.run / "ready.json"
        wait_until(lambda: ready.exists() or not self._child.running, seconds=SECONDS_TO_READY)
        if not ready.exists():
            raise CannotStart(f"The installation did not become ready: {self._child.tail(12)}")
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop in good order and keep the data."""
        self.__dict__.pop("report", None)
        self._child.stop(signal.SIGINT, seconds=60)

    def close(self) -> None:
        """Stop everything and remove every trace."""
        for other in self._others:
            other.stop(signal.SIGTERM)
        self.stop()
        stop_leftovers(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def report(self) -> dict[str, Any]:
        """Addresses, ports and accounts of the present start."""
        told: dict[str, Any] = json.loads((self.run / "ready.json").read_text())
        return told

    @property
    def port(self) -> int:
        """The gateway's."""
        return int(self.report["ports"]["gateway"])

    @property
    def push_app(self) -> str:
        """The push simulator's management."""
        return f"http://{HOST}:{self.report['ports']['push_app']}/manage"

    @property
    def amqp_url(self) -> str:
        """The broker's address."""
        return Broker(self.run / "broker").url

    def url(self, service: str, database: str | None = None) -> str:
        """The address of a service's database, in SQLAlchemy's form."""
        return Postgres(self.run / "postgres").url(service, database=database)

    def connect(self, service: str, database: str | None = None) -> psycopg.Connection[Any]:
        """A connection to it."""
        return psycopg.connect(self.url(service, database).replace("+psycopg", ""))

    def scratch_database(self, service: str, purpose: str = "bench") -> str:
        """A database of the same server with the service's tables, which no process of the product knows."""
        name = f"{purpose}_{service}"
        with psycopg.connect(Postgres(self.run / "postgres").admin_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER licentia_{service}")
        migrate(self.url(service, name), migrations_of(service))
        return name

    def run_beside(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        """Start a program that is no part of the product; it ends with the installation."""
        child = Child(name, self.folder)
        child.start([sys.executable, "-m", *command], env=self.environment_beside(environment), cwd=ROOT)
        self._others.append(child)

    @contextlib.contextmanager
    def running(self, name: str, command: list[str], environment: dict[str, str]) -> Iterator[None]:
        """Run a program beside the installation, inside the block."""
        child = Child(name, self.folder)
        child.start([sys.executable, *command], env=environment, cwd=ROOT)
        try:
            yield
        finally:
            child.stop(signal.SIGTERM)

    @staticmethod
    def environment_beside(environment: dict[str, str]) -> dict[str, str]:
        """What a program beside the installation finds in its environment."""
        return {**os.environ, "LOG_FORMAT": "json", "PYTHONPATH": str(ROOT), **environment}

    def flask_beside(self, environment: dict[str, str]) -> int:
        """Start the bare Flask routes under the gateway's gunicorn configuration; their port."""
        port = free_port()
        command = ["gunicorn", "tests.benchmarks.yardsticks.wsgi:app", "-c", "gateway/gunicorn.conf.py"]
        self.run_beside("bare-flask", [*command, "-b", f"{HOST}:{port}"], environment)
        return port

    def processes(self, word: str = "") -> list[psutil.Process]:
        """The product's processes: every service's rpc and worker, and the gateway; of these those named by `word`."""
        found = []
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                command = " ".join(process.cmdline())
                product = "libs.messaging.process" in command or "gateway.wsgi:app" in command
                if product and word in command:
                    found.append(process)
        return found

    def memory(self) -> Memory:
        """What the product's processes take together."""
        pss, rss, processes = 0, 0, self.processes()
        for process in processes:
            full = process.memory_full_info()
            pss, rss = pss + full.pss, rss + full.rss
        return Memory(processes=len(processes), pss=pss / MEGABYTE, rss=rss / MEGABYTE)

    def settle(self, seconds: float = 60) -> None:
        """Wait until everything that was set going has been done: nobody uses the processor any more."""
        deadline = time.monotonic() + seconds
        calm = 0
        while calm < 2 and time.monotonic() < deadline:
            before, since = self._processor_time(), time.monotonic()
            time.sleep(0.4)
            busy = (self._processor_time() - before) / (time.monotonic() - since)
            calm = calm + 1 if busy < QUIET else 0

    def _family(self) -> list[psutil.Process]:
        head = self._child.process
        return head.children(recursive=True) if head else []

    def _processor_time(self) -> float:
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@contextlib.contextmanager
def started_twice() -> Iterator[tuple[Installation, float]]:
    """An installation in its second start, and the seconds until that was ready."""
    installation = Installation()
    try:
        installation.start()
        installation.stop()
        yield installation, installation.start()
    finally:
        installation.close()
