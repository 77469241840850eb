"""What a fault may do to broker and database: stop, kill, freeze, and bring back as they were."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import psutil
import psycopg

from deploy.local.broker import Broker
from deploy.local.machine import Child, wait_until
from deploy.local.postgres import Postgres


def signal_all(child: Child, number: int) -> None:
    """Send a signal to a program and to all it started."""
    process = child.process
    if process is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)


@contextlib.contextmanager
def frozen(child: Child) -> Iterator[None]:
    """SIGSTOP while the block lasts: connections stay open, nothing is answered."""
    signal_all(child, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(child, signal.SIGCONT)


class BrokerControl:
    """The broker of a stage."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @property
    def url(self) -> str:
        """The address of the user who may do everything."""
        return self.broker.url

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the broker in good order while the block lasts; its node stays and holds the port's place."""
        self.broker.evaluate("rabbit:stop()")
        try:
            yield
        finally:
            self.broker.evaluate("rabbit:start()")

    def restart(self, *, kill: bool = False) -> None:
        """End the node, by SIGKILL where asked, and start it on the same port and data."""
        if kill:
            signal_all(self.broker.node, signal.SIGKILL)
        self.broker.stop()
        self.broker.start()

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        """Freeze the node while the block lasts."""
        return frozen(self.broker.node)

    @contextlib.contextmanager
    def memory_alarm(self) -> Iterator[None]:
        """Let the broker believe that its memory is full: it takes nothing more from publishers."""
        before = self.broker.evaluate("vm_memory_monitor:get_vm_memory_high_watermark()").strip()
        self.broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.00001)")
        try:
            if not wait_until(self._alarmed, seconds=10):
                raise AssertionError("the broker raised no memory alarm")
            yield
        finally:
            self.broker.evaluate(f"vm_memory_monitor:set_vm_memory_high_watermark({before})")

    def _alarmed(self) -> bool:
        return "memory" in self.broker.evaluate("rabbit_alarm:get_alarms()")


class PostgresControl:
    """The database server of a stage."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def kill(self) -> None:
        """SIGKILL to the server and every process of it."""
        server = self.postgres.server
        process = server.process
        family = [process, *process.children(recursive=True)] if process is not None else []
        # the head first: it would take the end of a child for a crash and begin to mend
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        """Start it on the same port and data; it mends itself from its log."""
        self.postgres.start()

    def restart(self) -> None:
        """Kill and start."""
        self.kill()
        self.start()

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        """Freeze every process of the server while the block lasts."""
        return frozen(self.postgres.server)

    def connect(self, service: str) -> psycopg.Connection[tuple[object, ...]]:
        """A session in the database of a service, as that service."""
        return psycopg.connect(self.postgres.url(service).replace("+psycopg", ""), connect_timeout=5)

    def wait_answering(self, seconds: float = 30) -> float:
        """Wait until it lets us in; how long that took."""
        began = time.monotonic()

        def answers() -> bool:
            try:
                psycopg.connect(self.postgres.admin_url, connect_timeout=3).close()
            except psycopg.OperationalError:
                return False
            return True

        if not wait_until(answers, seconds=seconds):
            raise AssertionError(f"PostgreSQL did not answer within {seconds} s")
        return time.monotonic() - began
