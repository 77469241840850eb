"""Ports, folders and child processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from deploy.local.errors import CannotStart

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
HOST = "127.0.0.1"
MARK = "LICENTIA_STACK"
LOWEST_PORT = 15_000

Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Say nothing."""


def tell(line: str) -> None:
    """Say a line to the person at the terminal."""
    sys.stderr.write(f"{line}\n")


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on just now.

    Where possible one that the system does not lend to outgoing connections: it is still free when the program that
    listens on it is started again.
    """
    for _ in range(100):
        port = random.randrange(LOWEST_PORT, _first_lent_port())  # noqa: S311  not a secret, only spreads
        if port_is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        lent: int = probe.getsockname()[1]
    return lent


def _first_lent_port() -> int:
    """Where the range of ports begins that outgoing connections are given."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    return max(first, LOWEST_PORT + 1)


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, what: str, variable: str) -> None:
    """Refuse to start where another program holds the port."""
    if not port_is_free(port):
        raise CannotStart(
            f"Port {port} for {what} is taken by another program: stop it or set {variable} to a free port."
        )


def wait_until(ready: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Poll until ready says yes; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


class Child:
    """One background program with a log and a pid file, which outlives no stop."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        """Start the program in its own session, so that the terminal's Ctrl-C leaves the order of stopping to us."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                list(command),
                # The mark by which leftovers.py finds what a killed run left behind.
                env={**(os.environ if env is None else env), MARK: str(self.log.parent)},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(self._popen.pid).create_time()
        self._pid_file.write_text(json.dumps({"pid": self._popen.pid, "started": started}))

    @property
    def process(self) -> psutil.Process | None:
        """The running program, also one that an earlier run left behind; None if there is none."""
        try:
            noted: dict[str, Any] = json.loads(self._pid_file.read_text())
            process = psutil.Process(noted["pid"])
            # The start time tells our program from a later one with a reused id; exec does not change it.
            if abs(process.create_time() - noted["started"]) > 1 or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            return None
        return process

    @property
    def running(self) -> bool:
        """Tell whether the program lives."""
        if self._popen is not None:
            return self._popen.poll() is None
        return self.process is not None

    @property
    def exit_code(self) -> int | None:
        """With what the program that this object started ended; None while it lives."""
        return None if self._popen is None else self._popen.poll()

    def signal(self, number: int) -> None:
        """Send a signal to the program, if it lives."""
        process = self.process
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def stop(self, number: int, *, seconds: float = 30) -> None:
        """Ask the program to end; after the given time end it with all its children."""
        process = self.process
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = process.children(recursive=True)
                process.send_signal(number)
                self._wait(process, seconds)
                for left in [process, *children]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        if left.is_running() and left.status() != psutil.STATUS_ZOMBIE:
                            left.kill()
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(5)
        self._pid_file.unlink(missing_ok=True)

    def _wait(self, process: psutil.Process, seconds: float) -> None:
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
            return
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(seconds)

    def tail(self, lines: int = 3) -> str:
        """The last lines of the log, for a sentence about a failure."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())


@contextlib.contextmanager
def held(lock: Path, *, refusal: str, seconds: float = 300) -> Iterator[None]:
    """Hold a lock file against other processes of this machine; the refusal is said when they keep it too long."""
    import fcntl

    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:

        def taken() -> bool:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

        if not wait_until(taken, seconds=seconds, every=0.2):
            raise CannotStart(refusal)
        yield


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
