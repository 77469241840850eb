"""Ten thousand paid orders wait: how fast one relay publishes them, and one consumer process grants their seats.

All of it on databases and a virtual host of its own, with the product's own processes: nothing else hears these events.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Any

import psycopg

from deploy.local.broker import Broker
from deploy.local.machine import ROOT
from libs.messaging.link import Link
from libs.messaging.topology import declare_all, queue_of, subscriptions_of
from tests.benchmarks import paid_orders
from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.table import Figure
from tests.support.eventually import eventually

ROUNDS = 3
LEAST_PUBLISHED, LEAST_DRAINED, LONGEST_FRESH = 3_000, 150, 30
PATIENCE = 240.0
BETWEEN_FRESH = 0.1
VHOST = "bench-backlog"


def measure(bench: Bench) -> list[Figure]:
    """The relay beside bare confirms, then the consumer with a backlog beside bare inserts."""
    with _ground(bench) as ground, ground.running("tests.benchmarks.programs.relay"):
        ground.publish(1)  # it is connected
        published, confirmed = by_turns(
            ROUNDS, lambda: ground.publish(bench.size.backlog), lambda: ground.bare("confirms", bench.size.backlog)
        )
        ground.purge()
        ground.publish(bench.size.backlog)
        inserted = [ground.bare("grants", bench.size.backlog // 4)]
        drained, fresh = ground.drain(bench.size.backlog)
        inserted.append(ground.bare("grants", bench.size.backlog // 4))
    slowest = quantiles(fresh, n=100, method="inclusive")[-1]
    waiting = f"{bench.size.backlog:,} events"
    return [
        Figure(
            what=f"The relay alone, {waiting} in the outbox",
            value=published,
            unit="events/s",
            yardstick=confirmed,
            yardstick_is="bare pipelined confirms of the same messages",
            aim=f"≥ {LEAST_PUBLISHED:,}/s",
            met=published >= LEAST_PUBLISHED,
        ),
        Figure(
            what=f"{waiting} that waited for a stopped service: drained by one consumer process",
            value=drained,
            unit="events/s",
            yardstick=fmean(inserted),
            yardstick_is="the same rows inserted by bare psycopg, a transaction for each event",
            aim=f"≥ {LEAST_DRAINED}/s",
            met=drained >= LEAST_DRAINED,
        ),
        Figure(
            what="Events published meanwhile, until their seats were granted, p99",
            value=slowest,
            unit="s",
            aim=f"< {LONGEST_FRESH} s",
            met=slowest < LONGEST_FRESH,
            note=f"{len(fresh)} of them",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """Databases of `orders` and `licensing`, and a virtual host where only `licensing` hears."""

    orders: psycopg.Connection[Any]
    licensing: psycopg.Connection[Any]
    environment: dict[str, str]
    bench: Bench

    def running(self, *command: str) -> Any:
        """A process of the product on this ground, inside the block."""
        return self.bench.installation.running(command[-1], ["-m", *command], self.environment)

    def publish(self, count: int) -> float:
        """Let so many events wait at once; events a second until the relay has marked the last as sent."""
        paid_orders.write(self.orders, count)
        began = time.perf_counter()
        eventually(lambda: not paid_orders.waiting(self.orders), timeout=PATIENCE, every=0.01)
        return count / (time.perf_counter() - began)

    def purge(self) -> None:
        """Empty the queue of `licensing`: what was published so far was only to be published."""
        link = Link(self.environment["AMQP_URL"], name="bench")
        link.open()
        link.channel.queue_purge(queue_of("licensing"))
        link.close()

    def bare(self, yardstick: str, count: int) -> float:
        """What the yardstick says in a process of its own."""
        command = [sys.executable, "-m", f"tests.benchmarks.yardsticks.{yardstick}", str(count)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return float(done.stdout)

    def drain(self, count: int) -> tuple[float, list[float]]:
        """Start the consumer and let it work off the queue, while now and then an order is paid.

        Events a second from the first effect to the last of those that waited, and the seconds that each fresh event
        took from its commit to its effect.
        """
        before = paid_orders.granted(self.licensing)
        with self.running("libs.messaging.process", "licensing", "worker"), _meanwhile(self.orders) as fresh:
            eventually(lambda: paid_orders.granted(self.licensing) > before, timeout=PATIENCE, every=0.01)
            began, first = time.perf_counter(), paid_orders.granted(self.licensing)
            eventually(lambda: paid_orders.granted(self.licensing) >= before + count, timeout=PATIENCE, every=0.05)
            last, took = paid_orders.granted(self.licensing), time.perf_counter() - began
            wanted = list(fresh)
            eventually(lambda: len(self._granted_at(wanted)) == len(wanted), timeout=PATIENCE, every=0.1)
            granted_at = self._granted_at(wanted)
        return (last - first) / took, [granted_at[order] - fresh[order] for order in wanted]

    def _granted_at(self, orders: list[str]) -> dict[str, float]:
        found = self.licensing.execute(
            "SELECT order_id::text, extract(epoch FROM granted_at)::float FROM grants WHERE order_id = ANY(%s::uuid[])",
            [orders],
        )
        return dict(found.fetchall())


@contextmanager
def _meanwhile(orders: psycopg.Connection[Any]) -> Iterator[dict[str, float]]:
    """An order paid every tenth of a second: its id and the moment of its commit."""
    paid: dict[str, float] = {}
    enough = threading.Event()

    def pay() -> None:
        while not enough.wait(BETWEEN_FRESH):
            (order,) = paid_orders.write(orders, 1)
            paid[str(order)] = time.time()

    thread = threading.Thread(target=pay, name="payers")
    thread.start()
    try:
        yield paid
    finally:
        enough.set()
        thread.join()


@contextmanager
def _ground(bench: Bench) -> Iterator[_Ground]:
    installation = bench.installation
    broker = Broker(installation.run / "broker")
    databases = {service: installation.scratch_database(service, "backlog") for service in ("orders", "licensing")}
    amqp_url = broker.add_vhost(VHOST)
    declare_all(amqp_url, {"licensing": subscriptions_of("licensing")})
    environment = installation.environment_beside(
        {
            "AMQP_URL": amqp_url,
            **{
                f"{service.upper()}_DATABASE_URL": installation.url(service, databases[service])
                for service in databases
            },
        }
    )
    with ExitStack() as stack:
        stack.callback(broker.delete_vhost, VHOST)
        orders, licensing = (
            stack.enter_context(installation.connect(service, database)) for service, database in databases.items()
        )
        orders.autocommit = licensing.autocommit = True
        yield _Ground(orders=orders, licensing=licensing, environment=environment, bench=bench)
