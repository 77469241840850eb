"""The stage of the faults: a running installation, a supervisor, the main job going on, and hands on every part."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import psutil

from deploy.local.machine import HOST, Child, free_port, wait_until
from deploy.local.stack import Program
from tests.faults.client import Client
from tests.faults.controls import BrokerControl, PostgresControl, signal_all
from tests.faults.driver import Driver, Tokens
from tests.faults.ledger import Ledger
from tests.faults.people import write_preset
from tests.faults.signing_in import Office
from tests.faults.supervisor import Supervisor
from tests.support.stack import RunningStack

SIMULATORS = ("push-app", "mail", "bank")
# one address signs in as often as it likes here; all else is as delivered
ENVIRONMENT: Mapping[str, Mapping[str, str]] = {"gateway*": {"GATEWAY_SIGN_INS_PER_MINUTE": "0"}}
GRACE = 30.0
"""Seconds after SIGTERM until an orchestrator kills."""
SECONDS_TO_READY = 90.0

Log = Callable[[str], None]


class Stage:
    """Everything a fault may use; `environment` gives variables to programs by patterns of their names."""

    def __init__(
        self,
        *,
        short: bool = False,
        log: Log | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        ledger: Path | None = None,
    ) -> None:
        self.short = short
        self.log: Log = log or (lambda _: None)
        self.folder = Path(tempfile.mkdtemp(prefix="licentia-faults-"))
        self.running = RunningStack(str(write_preset(self.folder / "operator.toml")), durable=True, folder=self._run)
        self.broker = BrokerControl(self.running.stack.broker)
        self.postgres = PostgresControl(self.running.stack.postgres)
        self.supervisor = Supervisor(self.running)
        self.ledger = Ledger(ledger)
        self._environment = {**ENVIRONMENT, **(environment or {})}
        self._driver: Driver | None = None

    @property
    def _run(self) -> Path:
        return self.folder / "run"

    # --- the parts --------------------------------------------------------------------------------------------------

    @property
    def driver(self) -> Driver:
        """The main job."""
        if self._driver is None:
            raise RuntimeError("the stage is not started")
        return self._driver

    @property
    def tokens(self) -> Tokens:
        """The sessions of manager, finance and clerk."""
        if self.driver.tokens is None:
            raise RuntimeError("nobody is signed in")
        return self.driver.tokens

    @property
    def provider(self) -> str:
        """The management address of the simulated push provider (`…/manage`)."""
        return self.running.urls["phone"].replace("/phone/", "/manage")

    @property
    def mail(self) -> str:
        """The address of the mail simulator, with a closing slash."""
        return self.running.urls["mail"]

    @property
    def gateway(self) -> str:
        """The portal's address, without a closing slash."""
        return self.running.urls["portal"].rstrip("/")

    @property
    def programs(self) -> list[str]:
        """The product's own programs; simulators are not among them."""
        return [program.name for program in self.running.stack.programs if program.name not in SIMULATORS]

    @property
    def services(self) -> list[str]:
        """The services by name."""
        return [name.removesuffix("-rpc") for name in self.programs if name.endswith("-rpc")]

    def program(self, name: str) -> Program:
        """How a program is started."""
        return next(one for one in self.running.stack.programs if one.name == name)

    def child(self, name: str) -> Child:
        """The process of a program."""
        return self.running.children[name]

    def database(self, service: str) -> str:
        """The address of a service's database, in SQLAlchemy's form."""
        return self.running.stack.postgres.url(service)

    def client(self) -> Client:
        """A client of the API for the thread that asks for it."""
        return Client(self.driver.addresses, self.ledger, self.driver.stopping)

    # --- from the first curtain to the last -------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything, sign in who works all day; the main job begins with `driver.resume`."""
        try:
            self.running.prepare()
            stack = self.running.stack
            stack.programs = [self._with_environment(program) for program in stack.programs]
            self.running.start()
            self.supervisor.start()
            office = Office(stack.accounts, self.provider)
            self._driver = Driver([self.gateway], office, self.ledger)
            self._driver.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything and remove every trace."""
        if self._driver is not None:
            self._driver.stop()
        self.supervisor.stop()
        # what is frozen cannot end
        for server in (self.running.stack.broker.node, self.running.stack.postgres.server):
            signal_all(server, signal.SIGCONT)
        for child in self.running.children.values():
            signal_all(child, signal.SIGCONT)
        self.running.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _with_environment(self, program: Program, **more: str) -> Program:
        environment = dict(program.environment)
        for pattern, values in self._environment.items():
            if fnmatch(program.name, pattern):
                environment |= values
        return replace(program, environment=environment | more)

    # --- programs ---------------------------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """SIGKILL to a program with all its processes; the supervisor starts it again."""
        signal_all(self.child(name), signal.SIGKILL)

    def terminate(self, name: str, *, seconds: float = GRACE) -> int | None:
        """SIGTERM, and wait for the end: its exit code, None where it did not end in time. It is started again."""
        child = self.child(name)
        with self.supervisor.held(name):
            child.signal(signal.SIGTERM)
            wait_until(lambda: not child.running, seconds=seconds)
            code = child.exit_code
            if code is None:
                child.stop(signal.SIGKILL)
            self.running.start_program(name)
        return code

    @contextlib.contextmanager
    def with_environment(self, pattern: str, **values: str) -> Iterator[None]:
        """Restart programs with more in their environment, and again without it when the block ends."""
        names = [name for name in self.programs if fnmatch(name, pattern)]
        before = {name: self.program(name) for name in names}
        self._replace([replace(one, environment={**one.environment, **values}) for one in before.values()])
        try:
            yield
        finally:
            self._replace(list(before.values()))

    def _replace(self, programs: list[Program]) -> None:
        others = {program.name: program for program in programs}
        stack = self.running.stack
        stack.programs = [others.get(program.name, program) for program in stack.programs]
        for name in others:
            self.terminate(name)
        self.wait_ready(*others)

    def add_copy(self, name: str) -> str:
        """Start a second copy of a program and wait until it is ready; its name is `<name>-2`."""
        copy = f"{name}-2"
        port, original = free_port(), self.program(name)
        environment = {**original.environment, "HEALTH_PORT": str(port)}
        command, ready_url = list(original.command), f"http://{HOST}:{port}/readyz"
        if "MFA_CALLBACK_PORT" in environment:
            callback = free_port()
            environment |= {
                "MFA_CALLBACK_PORT": str(callback), "MFA_CALLBACK_URL": f"http://{HOST}:{callback}",
            }  # fmt: skip
        if name == "gateway":
            command = [f"{HOST}:{port}" if part.startswith(f"{HOST}:") else part for part in command]
            metrics = self.folder / "metrics-2"
            metrics.mkdir(exist_ok=True)
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        self.running.add_program(
            replace(original, name=copy, command=command, environment=environment, ready_url=ready_url)
        )
        self.wait_ready(copy)
        return copy

    def remove_copy(self, copy: str) -> int | None:
        """Stop a second copy in good order; its exit code."""
        with self.supervisor.held(copy):
            return self.running.remove_program(copy)

    # --- how it is --------------------------------------------------------------------------------------------------

    def ready(self, name: str) -> bool:
        """Whether a program says that it can work."""
        return _answers(self.program(name).ready_url)

    def not_ready(self) -> list[str]:
        """The programs that cannot work just now."""
        return [name for name in self.programs if not self.ready(name)]

    def wait_ready(self, *names: str, seconds: float = SECONDS_TO_READY) -> None:
        """Wait until these programs, or all, can work."""
        waiting = list(names or self.programs)
        if not wait_until(lambda: not [name for name in waiting if not self.ready(name)], seconds=seconds, every=0.2):
            late = [name for name in waiting if not self.ready(name)]
            raise AssertionError(f"not ready within {seconds:.0f} s: {', '.join(late)}")

    def census(self) -> dict[str, int]:
        """Threads of each program, all its processes together."""
        return {name: sum(_threads(one) for one in self.family(name)) for name in self.programs}

    def family(self, name: str) -> list[psutil.Process]:
        """The processes of a program, its head first."""
        head = self.child(name).process
        if head is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [head, *head.children(recursive=True)]
        return []

    def rest(self, seconds: float) -> None:
        """Let the main job go on for so long."""
        time.sleep(seconds)


def _threads(process: psutil.Process) -> int:
    try:
        return int(process.num_threads())
    except psutil.NoSuchProcess:
        return 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
