"""A broker of three nodes, each killed in turn: nothing that it confirmed is lost, and users hardly notice."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self

import amqp
from amqp.exceptions import MessageNacked

from deploy.local.machine import HOST, wait_until
from deploy.local.postgres import SERVICES
from deploy.local.stack import Program
from operations import invariants
from tests.faults.cluster import NODES, Cluster
from tests.faults.injections import Fault
from tests.faults.stage import Stage

SECONDS_DOWN = 4.0
SECONDS_BETWEEN = 3.0
SECONDS_TO_QUIET = 90.0
PUBLISHERS = 2
PAUSE = 0.01
LONGEST_GAP = 5.0
QUEUE = "faults.bare"


def nodes_killed(stage: Stage) -> None:
    """The installation moves to a cluster of three nodes; each is killed and started again under load."""
    password = urllib.parse.unquote(urllib.parse.urlsplit(stage.broker.url).password or "")
    cluster = Cluster(stage.folder / "cluster", password=password)
    try:
        cluster.start()
        cluster.take_over_from(stage.broker.broker)
        _come_to_rest(stage, stage.broker.url)
        with _moved(stage, cluster.proxy.port):
            stage.driver.resume()
            with Bare(cluster.url) as bare:
                _kill_each(stage, cluster)
            _come_to_rest(stage, cluster.url)
            few = {name: count for name, count in cluster.members_of_quorum_queues().items() if count != NODES}
            stored = bare.stored()
        stage.driver.resume()
    finally:
        cluster.stop()
    assert not few, f"quorum queues without three members: {few}"
    lost = bare.confirmed - stored.keys()
    twice = sum(count - 1 for count in stored.values())
    stage.log(
        f"bare: {len(bare.confirmed)} confirmed, {len(stored)} stored, {len(lost)} lost, {twice} twice,"
        f" longest gap {bare.longest_gap:.1f} s"
    )
    assert not lost, f"{len(lost)} of {len(bare.confirmed)} confirmed messages were lost"
    assert bare.longest_gap < LONGEST_GAP, f"nothing could be published for {bare.longest_gap:.1f} s"


def _kill_each(stage: Stage, cluster: Cluster) -> None:
    for number in range(NODES):
        cluster.kill(number)
        stage.rest(SECONDS_DOWN)
        began = time.monotonic()
        cluster.start_again(number)
        stage.log(f"node {number + 1} was back among the others {time.monotonic() - began:.1f} s after its start")
        stage.rest(SECONDS_BETWEEN)


def _come_to_rest(stage: Stage, amqp_url: str) -> None:
    """No more jobs, and nothing on its way: the broker may be changed."""
    stage.driver.pause()
    stage.driver.wait_idle(SECONDS_TO_QUIET)
    databases = {service: stage.database(service) for service in SERVICES}
    installation = invariants.Installation(databases=databases, amqp_url=amqp_url)
    waiting: list[str] = []

    def quiet() -> bool:
        waiting[:] = [what for what in invariants.under_way(installation) if QUEUE not in what]
        return not waiting

    assert wait_until(quiet, seconds=SECONDS_TO_QUIET, every=0.5), f"not settled: {'; '.join(waiting)}"


@contextlib.contextmanager
def _moved(stage: Stage, port: int) -> Iterator[None]:
    """All programs at the broker behind another port while the block lasts."""
    before = {name: stage.program(name) for name in stage.programs}
    try:
        _restart(stage, {name: _at(program, port) for name, program in before.items()})
        yield
    finally:
        stage.driver.pause()
        _restart(stage, before)


def _at(program: Program, port: int) -> Program:
    parts = urllib.parse.urlsplit(program.environment["AMQP_URL"])
    place = f"{parts.netloc.rpartition('@')[0]}@{HOST}:{port}"
    url = urllib.parse.urlunsplit(parts._replace(netloc=place))
    return replace(program, environment={**program.environment, "AMQP_URL": url})


def _restart(stage: Stage, programs: dict[str, Program]) -> None:
    stack = stage.running.stack
    stack.programs = [programs.get(program.name, program) for program in stack.programs]
    with ThreadPoolExecutor(len(programs)) as threads:
        list(threads.map(stage.terminate, programs))
    stage.wait_ready(*programs)


class Bare:
    """Publishers without our product: each message is published until the broker confirms it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._publish, args=(n,), daemon=True) for n in range(PUBLISHERS)]
        self.confirmed: set[str] = set()
        self.longest_gap = 0.0

    def __enter__(self) -> Self:
        with _connected(self._url) as connection:
            connection.channel().queue_declare(
                QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
            )
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def stored(self) -> Counter[str]:
        """What is in the queue, and how often; it is removed."""
        found: Counter[str] = Counter()
        with _connected(self._url) as connection:
            channel = connection.channel()
            while (message := channel.basic_get(QUEUE, no_ack=True)) is not None:
                body = message.body
                found[body if isinstance(body, str) else body.decode()] += 1
            channel.queue_delete(QUEUE)
        return found

    def _publish(self, publisher: int) -> None:
        number, last = 0, time.monotonic()
        while not self._over.is_set():
            with contextlib.suppress(OSError, amqp.AMQPError, MessageNacked), _connected(self._url) as connection:
                channel = connection.channel()
                while not self._over.wait(PAUSE):
                    body = f"{publisher}-{number}"
                    channel.basic_publish_confirm(
                        amqp.Message(body, delivery_mode=2), routing_key=QUEUE, mandatory=True, timeout=10
                    )
                    self.confirmed.add(body)
                    number += 1
                    self.longest_gap = max(self.longest_gap, time.monotonic() - last)
                    last = time.monotonic()
            self._over.wait(0.1)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[amqp.Connection]:
    parts = urllib.parse.urlsplit(url)
    connection = amqp.Connection(
        f"{parts.hostname}:{parts.port}",
        userid=parts.username,
        password=urllib.parse.unquote(parts.password or ""),
        virtual_host=parts.path.removeprefix("/"),
        confirm_publish=True,
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
    )
    try:
        connection.connect()
        yield connection
    finally:
        with contextlib.suppress(OSError, amqp.AMQPError):
            connection.collect()


FAULTS = [
    Fault(
        name="cluster-nodes-killed",
        injected="three RabbitMQ nodes, each killed in turn",
        run=nodes_killed,
        seconds=160,
    ),
]
