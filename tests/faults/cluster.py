"""Three RabbitMQ nodes on loopback behind one address, as a service stands before them in production."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import rabbitmq_packages
from deploy.local.broker import Broker, start_name_server
from deploy.local.errors import CannotStart
from deploy.local.machine import HOST, Child, Say, free_port, private_folder, quiet, wait_until, write_private
from tests.faults.proxy import Proxy

NODES = 3
SECONDS_TO_JOIN = 60


class Cluster(Broker):
    """A broker of three nodes; clients are led to one that lives, and its death resets them."""

    def __init__(self, folder: Path, *, port: int | None = None, say: Say = quiet, password: str | None = None) -> None:
        """`password` of the first user; made up where none is given."""
        super().__init__(folder, port=port, say=say)
        self.external = None
        self._given_password = password
        names = [f"licentia{number}@localhost" for number in range(1, NODES + 1)]
        settings = [
            "cluster_partition_handling = pause_minority",
            "cluster_formation.peer_discovery_backend = classic_config",
            *(
                f"cluster_formation.classic_config.nodes.{number} = {name}"
                for number, name in enumerate(names, start=1)
            ),
        ]
        epmd_port = free_port()
        self._epmd_port = epmd_port
        self.nodes = [
            Broker(
                self.folder / name.partition("@")[0],
                port=free_port(),
                say=say,
                name=name,
                epmd_port=epmd_port,
                settings=settings,
            )
            for name in names
        ]
        for node in self.nodes:
            node.external = None
        self._names = Child("epmd", self.folder)
        self.proxy = Proxy(*(self._address(node) for node in self.nodes), port=port or 0)

    @property
    def url(self) -> str:
        """The one address before all nodes."""
        parts = urllib.parse.urlsplit(self.nodes[0].url)
        place = f"{parts.username}:{parts.password}@{HOST}:{self.proxy.port}"
        return urllib.parse.urlunsplit(parts._replace(netloc=place))

    @property
    def node(self) -> Child:
        """The first node's process."""
        return self.nodes[0].node

    def start(self) -> str:
        """Start all nodes, wait until they are one cluster, and open the door before them."""
        self._share_secrets()
        programs = rabbitmq_packages.find(self._say)
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        start_name_server(self._names, self._epmd_port, {**outer, "PATH": programs.path, "HOME": str(self.folder)})
        try:
            together = self.nodes
            if not (self.nodes[0].folder / "data").exists():
                self.nodes[0].start()  # all three at once might found two clusters
                together = self.nodes[1:]
            with ThreadPoolExecutor() as pool:
                list(pool.map(Broker.start, together))
            if not wait_until(lambda: self.running_nodes() == NODES, seconds=SECONDS_TO_JOIN, every=0.5):
                raise CannotStart(f"Only {self.running_nodes()} nodes of {NODES} joined: see {self.folder}.")
        except BaseException:
            self.stop()
            raise
        self.proxy.start()
        return self.url

    def stop(self) -> None:
        """Stop everything; a node that waits for others is not waited for."""
        self.proxy.stop()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Broker.stop, self.nodes))
        self._names.stop(signal.SIGTERM)

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in the first node that lives."""
        living = next(node for node in self.nodes if node.node.running)
        return living.evaluate(expression)

    def kill(self, number: int) -> None:
        """End one node (0, 1, 2) as a failing machine would."""
        self.nodes[number].node.stop(signal.SIGKILL)

    def start_again(self, number: int) -> None:
        """Start a killed node and wait until it is back among the others."""
        self.nodes[number].start()
        if not wait_until(lambda: self.running_nodes() == NODES, seconds=SECONDS_TO_JOIN, every=0.2):
            raise CannotStart(f"Node {number} did not come back: see {self.nodes[number].folder}.")

    def running_nodes(self) -> int:
        """How many nodes the cluster itself counts as running."""
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            return int(self.evaluate("length(rabbit_nodes:all_running())"))
        return 0

    def take_over_from(self, broker: Broker) -> None:
        """Have the users, permissions, exchanges, queues and bindings of another broker."""
        file = self.folder / "definitions.json"
        broker.evaluate(f'file:write_file("{file}", rabbit_json:encode(rabbit_definitions:all_definitions()))')
        self.evaluate(f'begin {{ok, All}} = file:read_file("{file}"), rabbit_definitions:import_raw(All) end')

    def members_of_quorum_queues(self) -> dict[str, int]:
        """How many nodes hold each quorum queue of the usual virtual host."""
        listed = self.evaluate(
            'lists:flatten(lists:join(" ", [io_lib:format("~s=~b", [element(4, amqqueue:get_name(Q)),'
            " length(maps:get(nodes, amqqueue:get_type_state(Q)))])"
            " || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_quorum_queue]))"
        )
        if listed == "[]":
            return {}
        pairs = (pair.rpartition("=") for pair in listed.strip('"').split())
        return {name: int(count) for name, _, count in pairs}

    def _share_secrets(self) -> None:
        private_folder(self.folder)
        password, cookie = self._given_password or secrets.token_urlsafe(18), secrets.token_hex(16)
        for node in self.nodes:
            private_folder(node.folder)
            if (node.folder / "password").exists():
                return
            write_private(node.folder / "password", password)
            write_private(node.folder / ".erlang.cookie", cookie)
            (node.folder / ".erlang.cookie").chmod(0o400)

    @staticmethod
    def _address(node: Broker) -> tuple[str, int]:
        assert node.port is not None
        return (HOST, node.port)
