"""A private RabbitMQ node: no root, all state in one folder, loopback only.

python -m deploy.local.broker start --dir .local/broker --port 5673
python -m deploy.local.broker stop --dir .local/broker
"""

from __future__ import annotations

import argparse
import hmac
import os
import secrets
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.local import rabbitmq_packages
from deploy.local.errors import CannotStart
from deploy.local.machine import (
    HOST,
    LOCAL,
    Child,
    Say,
    free_port,
    private_folder,
    quiet,
    require_free,
    tell,
    wait_until,
    write_private,
)

USER = VHOST = "licentia"
NODE = "licentia@localhost"
SECONDS_TO_START = 90


class Broker:
    """One RabbitMQ: the one AMQP_URL names, or a private node whose folder is given."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        management_port: int | None = None,
        say: Say = quiet,
        name: str = NODE,
        epmd_port: int | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        """`name`, `epmd_port` (of a name server that runs already) and further `settings` make it a cluster's node."""
        self.folder = folder.absolute()
        self.name = name
        self._shared_epmd_port = epmd_port
        self._settings = list(settings)
        self.port = port
        self.management_port = management_port
        self._say = say
        self._node = Child("node", self.folder)
        self._epmd = Child("epmd", self.folder)
        self.external = os.environ.get("AMQP_URL")

    @property
    def url(self) -> str:
        """The address for AMQP clients."""
        if self.external:
            return self.external
        return (self.folder / "url").read_text().strip()

    @property
    def node(self) -> Child:
        """The node's process."""
        return self._node

    def start(self) -> str:
        """Start the node, wait until it takes connections, return its address; a running node is left alone."""
        if self.external:
            return _answering(self.external)
        private_folder(self.folder)
        if self._node.running and (self.folder / "url").exists():
            return self.url
        self.stop()
        programs = rabbitmq_packages.find(self._say)
        if self.port is not None:
            require_free(self.port, "RabbitMQ", "AMQP_PORT")
        port = self.port or free_port()
        epmd_port = self._shared_epmd_port or free_port()
        self._configure(port)
        env = self._environment(programs, port, epmd_port)
        (self.folder / "epmd_port").write_text(str(epmd_port))
        if self._shared_epmd_port is None:
            start_name_server(self._epmd, epmd_port, env)
        self._node.start([str(programs.sbin / "rabbitmq-server")], env=env)
        if not wait_until(lambda: _speaks_amqp(port) or not self._node.running, seconds=SECONDS_TO_START):
            self.stop()
            raise CannotStart(f"RabbitMQ was not ready after {SECONDS_TO_START} seconds: see {self._node.log}.")
        if not self._node.running:
            reason = self._node.tail()
            self.stop()
            raise CannotStart(f"RabbitMQ ended while starting ({reason}): see {self._node.log}.")
        return self.url

    def stop(self) -> None:
        """Stop the node and its name server; does nothing for a broker that is not ours."""
        if self.external:
            return
        self._node.stop(signal.SIGTERM)
        self._epmd.stop(signal.SIGTERM)

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in the node and return its printed value: a hundredth of rabbitmqctl's time."""
        programs = rabbitmq_packages.find(self._say)
        env = {
            "PATH": programs.path,
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": (self.folder / "epmd_port").read_text(),
        }
        cookie = (self.folder / ".erlang.cookie").read_text()
        command = ["erl_call", "-sname", self.name, "-c", cookie, "-e"]
        for patience in (True, True, False):
            done = subprocess.run(
                command, input=f"{expression}.\n", env=env, capture_output=True, text=True, timeout=60, check=False
            )
            # a node of a busy machine may be late to greet; what it never heard may be said again
            if not (patience and done.returncode and "failed to connect" in done.stderr):
                break
        if done.returncode:
            raise RuntimeError(f"the node was not reached: {done.stderr.strip()}")
        if not done.stdout.startswith("{ok, "):
            raise RuntimeError(f"the node answered {done.stdout} to {expression}")
        return done.stdout.removeprefix("{ok, ").removesuffix("}")

    def add_vhost(self, name: str) -> str:
        """Add an empty virtual host and return its address; a broker that is not ours answers its one address."""
        if self.external:
            return self.external
        everything = ", ".join(['<<".*">>'] * 3)
        self.evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"{USER}">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"{USER}">>, <<"{name}">>, {everything}, <<"{USER}">>)'
        )
        return f"{self.url.rpartition('/')[0]}/{name}"

    def password_of(self, user: str) -> str:
        """A user's password, derived from the administrator's: nothing to store, and every start finds the same."""
        secret = unquote(urlsplit(self.url).password or "")
        return hmac.digest(secret.encode(), user.encode(), "sha256").hex()

    def url_of(self, user: str, vhost: str = VHOST) -> str:
        """The address for one user; a broker that is not ours answers its one address, with the user it names."""
        if self.external:
            return self.external
        return f"amqp://{user}:{self.password_of(user)}@{HOST}:{urlsplit(self.url).port}/{vhost}"

    def import_definitions(self, document: str) -> None:
        """Create and change what RabbitMQ's definitions say, as `rabbitmqctl import_definitions` does."""
        encoded = b64encode(document.encode()).decode()
        answer = self.evaluate(f'rabbit_definitions:import_raw(base64:decode(<<"{encoded}">>))')
        if answer != "ok":
            raise CannotStart(f"RabbitMQ did not take the definitions of its users: {answer}.")

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with everything in it."""
        if not self.external:
            self.evaluate(f'rabbit_vhost:delete(<<"{name}">>, <<"{USER}">>)')

    def _configure(self, port: int) -> None:
        password_file = self.folder / "password"
        if not password_file.exists():
            write_private(password_file, secrets.token_urlsafe(18))
        password = password_file.read_text()
        lines = [
            f"listeners.tcp.1 = {HOST}:{port}",
            f"default_user = {USER}",
            f"default_pass = {password}",
            f"default_vhost = {VHOST}",
            "default_permissions.configure = .*",
            "default_permissions.read = .*",
            "default_permissions.write = .*",
            "log.file.level = warning",
            "raft.wal_max_size_bytes = 33554432",
            "disk_free_limit.absolute = 100MB",
            *self._settings,
        ]
        plugins = ""
        if self.management_port is not None:
            lines += [f"management.tcp.ip = {HOST}", f"management.tcp.port = {self.management_port}"]
            plugins = "rabbitmq_management"
        write_private(self.folder / "rabbitmq.conf", "\n".join(lines) + "\n")
        write_private(self.folder / "enabled_plugins", f"[{plugins}].\n")
        write_private(self.folder / "rabbitmq-env.conf", "")
        write_private(self.folder / "url", f"amqp://{USER}:{password}@{HOST}:{port}/{VHOST}")

    def _environment(self, programs: rabbitmq_packages.Programs, port: int, epmd_port: int) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **outer,
            "PATH": programs.path,
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(epmd_port),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbitmq.pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            # Makes the script replace itself by the Erlang machine, so that our child is the node and not a shell.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _answering(url: str) -> str:
    """The address itself, if somebody listens there."""
    parts = urlsplit(url)
    try:
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        socket.create_connection((parts.hostname or HOST, port), timeout=5).close()
    except (OSError, ValueError) as error:
        raise CannotStart(f"Nobody answers at the address of AMQP_URL ({error}): correct or unset it.") from error
    return url


def start_name_server(epmd: Child, port: int, env: Mapping[str, str]) -> None:
    """Start Erlang's name server as our own child: left to itself Erlang starts it as a daemon that nobody stops."""
    epmd.start(["epmd", "-port", str(port), "-address", HOST], env=env)
    wait_until(lambda: _listens(port), seconds=10)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def main(arguments: list[str] | None = None) -> int:
    """Start or stop one node from the command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.broker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("deed", choices=["start", "stop"])
    parser.add_argument("--dir", type=Path, default=LOCAL / "broker")
    parser.add_argument("--port", type=int, help="AMQP port; a free one when not given")
    parser.add_argument("--management-port", type=int, help="also start the management page on this port")
    given = parser.parse_args(arguments)
    broker = Broker(
        given.dir,
        port=given.port,
        management_port=given.management_port,
        say=tell,
    )
    try:
        if given.deed == "start":
            sys.stdout.write(broker.start() + "\n")
        else:
            broker.stop()
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
