"""The whole installation on one machine: what `make run` starts, and what the end-to-end tests drive."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from deploy.local.broker import Broker
from deploy.local.errors import CannotStart
from deploy.local.keys import key_pair
from deploy.local.machine import HOST, MARK, ROOT, Say, free_port, private_folder, quiet, require_free, write_private
from deploy.local.postgres import SERVICES, Postgres
from deploy.local.translations import compile_catalogues
from libs.chassis.crypto import generate_sealing_keys
from libs.chassis.operator import Operator, OperatorInvalid, load_operator
from libs.chassis.principal import generate_key_pair
from libs.messaging.permissions import GATEWAY, user_of

# The services whose part of an operator's preset is loaded at the start, by `python -m services.<service>.load`.
LOADING = ("identity", "orders", "certificates")
ACCESS_CODE = "1234"
VENDOR_NUMBER = "SIMVENDOR0000001"
SECONDS_TO_READY = 120


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where people and programs find the stack; each can be changed by the environment variable of its name."""

    gateway: int = 8000
    push_app: int = 8030
    mail_web: int = 8025
    mail_smtp: int = 1025
    bank: int = 8040
    amqp: int = 5673
    postgres: int = 54329

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Ports:
        """The fixed ports, or what `GATEWAY_PORT`, `PUSH_APP_PORT`, … say."""
        given: dict[str, int] = {}
        for one in fields(cls):
            variable = f"{one.name.upper()}_PORT"
            text = environment.get(variable)
            if text:
                if not (text.isdecimal() and 0 < int(text) < 65536):
                    raise CannotStart(f"{variable} is {text!r}, which is no port number.")
                given[one.name] = int(text)
        return cls(**given)

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody uses just now, for tests."""
        return cls(**{one.name: free_port() for one in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process of the installation."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ready_url: str


@dataclass
class Stack:
    """Broker, database, keys and demo data of one folder, and the programs to run on them."""

    folder: Path
    preset: str = "demo"
    ports: Ports = field(default_factory=Ports)
    say: Say = quiet
    durable: bool = True
    log_format: str = "json"
    programs: list[Program] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self._callback_port = free_port()
        self.broker = Broker(self.folder / "broker", port=self.ports.amqp, say=self.say)
        self.postgres = Postgres(self.folder / "postgres", port=self.ports.postgres, durable=self.durable, say=self.say)

    @property
    def urls(self) -> dict[str, str]:
        """The addresses a person opens."""
        return {
            "portal": f"http://{HOST}:{self.ports.gateway}/",
            "api": f"http://{HOST}:{self.ports.gateway}/api/v1/docs",
            "phone": f"http://{HOST}:{self.ports.push_app}/phone/",
            "mail": f"http://{HOST}:{self.ports.mail_web}/",
            "bank": f"http://{HOST}:{self.ports.bank}/",
        }

    def prepare(self) -> None:
        """Start broker and database, migrate, load the operator's preset; afterwards `programs` may be run."""
        operator = self._operator()
        private_folder(self.folder)
        self._check_ports()
        compile_catalogues()
        self.say("starting RabbitMQ and PostgreSQL")
        with ThreadPoolExecutor() as pool:
            broker, postgres = pool.submit(self.broker.start), pool.submit(self._start_postgres)
            for server in (postgres, broker) if self.broker.external else (postgres,):
                server.result()
            self.say("migrating the services' databases")
            common = self._common_environment()
            self._migrate(common)
            self.say(f"loading the operator {operator.key}")
            loads = [pool.submit(self._load, service, common) for service in LOADING]
            administrator = {**common, "AMQP_URL": broker.result()}
            self._run("declaring exchanges and queues", ["libs.messaging.topology"], administrator)
            self._create_users(common)
            for load in loads:
                load.result()
        self.programs = self._programs(operator, common)

    def wait_ready(self, lives: Callable[[], bool]) -> None:
        """Wait until every program answers that it can work; gives up when `lives` says no."""
        waiting = {program.name: program for program in self.programs}
        deadline = time.monotonic() + SECONDS_TO_READY
        while waiting:
            for name, program in list(waiting.items()):
                if _answers(program.ready_url):
                    del waiting[name]
                    self.say(f"ready: {name} ({len(self.programs) - len(waiting)} of {len(self.programs)})")
            if not lives():
                raise CannotStart("A process ended before it was ready: its last lines above say why.")
            if waiting and time.monotonic() > deadline:
                raise CannotStart(f"Not ready after {SECONDS_TO_READY} seconds: {', '.join(sorted(waiting))}.")
            time.sleep(0.1)
        operations = {
            "databases": {service: self.postgres.operations_url(service) for service in SERVICES},
            "own_databases": {service: self.postgres.url(service) for service in SERVICES},
            "amqp_url": self.broker.url,
        }
        report = {"urls": self.urls, "accounts": self.accounts, "ports": vars(self.ports), "operations": operations}
        write_private(self.folder / "ready.json", json.dumps(report, ensure_ascii=False, indent=2))

    def close(self) -> None:
        """Stop broker and database; the programs are stopped by whoever runs them."""
        (self.folder / "ready.json").unlink(missing_ok=True)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.stop(), (self.broker, self.postgres)))

    def _operator(self) -> Operator:
        try:
            return load_operator(self.preset)
        except OperatorInvalid as error:
            raise CannotStart(str(error)) from error

    def _check_ports(self) -> None:
        require_free(self.ports.gateway, "the portal", "GATEWAY_PORT")
        require_free(self.ports.push_app, "the phone simulator", "PUSH_APP_PORT")
        require_free(self.ports.mail_web, "the mail simulator's inbox", "MAIL_WEB_PORT")
        require_free(self.ports.mail_smtp, "the mail simulator", "MAIL_SMTP_PORT")
        require_free(self.ports.bank, "the bank simulator", "BANK_PORT")

    def _start_postgres(self) -> None:
        self.postgres.start()
        self.postgres.create_databases()

    def _secret(self, name: str) -> str:
        path = private_folder(self.folder / "keys") / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def _common_environment(self) -> dict[str, str]:
        """What every program is told; addresses of databases among it are narrowed for each service later."""
        keys = self.folder / "keys"
        principal = key_pair(keys, "principal", generate_key_pair)
        sealing = key_pair(keys, "notifications", generate_sealing_keys)
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
        return {
            **outer,
            "OPERATOR": self.preset,
            "LOG_FORMAT": self.log_format,
            "PUBLIC_URL": f"http://{HOST}:{self.ports.gateway}",
            "DOCUMENTS_URL": f"file://{private_folder(self.folder / 'documents')}",
            "PRINCIPAL_PUBLIC_KEY": str(principal.public),
            "SEALING_PUBLIC_KEY": str(sealing.public),
            "LOG_EXCEPTIONS": os.environ.get("LOG_EXCEPTIONS", "full"),  # a developer's machine, with made-up people
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            MARK: str(self.folder),
        }

    def _service_environment(self, service: str) -> dict[str, str]:
        keys = self.folder / "keys"
        own = {
            "identity": {"IDENTITY_SIGNING_KEY": str(keys / "principal.pem")},
            "mfa": {
                "MFA_PUSH_URL": f"http://{HOST}:{self.ports.push_app}/vendor",
                "MFA_PUSH_VENDOR_NUMBER": VENDOR_NUMBER,
                "MFA_PUSH_API_KEY": self._secret("push_api_key"),
                "MFA_CALLBACK_PORT": str(self._callback_port),
                "MFA_CALLBACK_URL": f"http://{HOST}:{self._callback_port}",
                "MFA_CALLBACK_SECRET": self._secret("push_callback_secret"),
            },
            "notifications": {
                "NOTIFICATIONS_PRIVATE_KEY": str(keys / "notifications.pem"),
                "SMTP_URL": f"smtp://{HOST}:{self.ports.mail_smtp}",
            },
        }
        settings = own.get(service, {})
        # what the environment says wins: that is how a real provider or mail server takes the simulator's place
        given = {name: os.environ[name] for name in settings if name in os.environ}
        return {f"{service.upper()}_DATABASE_URL": self.postgres.url(service), **settings, **given}

    def _create_users(self, common: dict[str, str]) -> None:
        """Give every service and the gateway its own user on our broker, with what the topology allows it."""
        if self.broker.external:
            return
        users = [*(user_of(service) for service in SERVICES), GATEWAY]
        passwords = {f"{user.upper()}_PASSWORD": self.broker.password_of(user) for user in users}
        module = ["libs.messaging.permissions", "--without-operator"]
        self.broker.import_definitions(self._run("making the broker's users", module, {**common, **passwords}))

    def _migrate(self, common: dict[str, str]) -> None:
        """Migrate all services in one Python process: each start of Python costs more than a migration."""
        addresses = {f"{service.upper()}_DATABASE_URL": self.postgres.url(service) for service in SERVICES}
        self._run("migrating", ["libs.messaging.migrate", *SERVICES], {**common, **addresses})

    def _load(self, service: str, common: dict[str, str]) -> None:
        """Load the service's part of the preset; identity's also writes down what it issued."""
        module = [f"services.{service}.load", self.preset]
        if service == "identity":
            module += ["--accounts-file", str(self.folder / "accounts.json")]
        self._run(f"loading {service}", module, {**common, **self._service_environment(service)})
        if service == "identity":
            self.accounts = json.loads((self.folder / "accounts.json").read_text())

    def _run(self, what: str, module: list[str], environment: dict[str, str]) -> str:
        """Run one short program to its end and return its output, which is kept for the case that it fails."""
        log = private_folder(self.folder / "logs") / f"{what.replace(' ', '-')}.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=output,
                timeout=120,
                check=False,
            )
            output.write(done.stdout)
        if done.returncode:
            raise CannotStart(f"{what.capitalize()} failed: the reason is in {log}.")
        log.unlink()
        return done.stdout.decode()

    def _programs(self, operator: Operator, common: dict[str, str]) -> list[Program]:
        programs = [self._simulator(name, operator, common) for name in ("push-app", "mail", "bank")]
        for service in SERVICES:
            amqp_url = self.broker.url_of(user_of(service))
            environment = {**common, **self._service_environment(service), "AMQP_URL": amqp_url}
            for kind in ("rpc", "worker"):
                port = free_port()
                command = [sys.executable, "-m", "libs.messaging.process", service, kind]
                programs.append(
                    Program(
                        name=f"{service}-{kind}",
                        command=command,
                        environment={**environment, "HEALTH_PORT": str(port)},
                        ready_url=f"http://{HOST}:{port}/readyz",
                    )
                )
        return [*programs, self._gateway(common)]

    def _gateway(self, common: dict[str, str]) -> Program:
        bind = f"{HOST}:{self.ports.gateway}"
        metrics = self.folder / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)  # what dead processes counted
        private_folder(metrics)
        return Program(
            name="gateway",
            command=[
                sys.executable,
                "-m",
                "gunicorn",
                "gateway.wsgi:app",
                "-c",
                "gateway/gunicorn.conf.py",
                "-b",
                bind,
            ],
            environment={
                **common,
                "AMQP_URL": self.broker.url_of(GATEWAY),
                "GATEWAY_SECRET_KEY": self._secret("gateway_secret_key"),
                "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            },
            ready_url=f"http://{bind}/readyz",
        )

    def _simulator(self, name: str, operator: Operator, common: dict[str, str]) -> Program:
        phones = [
            {"phone": account["phone"], "access_code": ACCESS_CODE}
            for account in operator.demo.get("accounts", [])
            if account.get("phone")
        ]
        own = {
            "push-app": {
                "PUSH_APP_PORT": str(self.ports.push_app),
                "PUSH_APP_VENDOR_NUMBER": VENDOR_NUMBER,
                "PUSH_APP_API_KEY": self._secret("push_api_key"),
                "PUSH_APP_PHONES": json.dumps(phones),
            },
            "mail": {"MAIL_WEB_PORT": str(self.ports.mail_web), "MAIL_SMTP_PORT": str(self.ports.mail_smtp)},
            "bank": {"BANK_PORT": str(self.ports.bank)},
        }[name]
        port = {"push-app": self.ports.push_app, "mail": self.ports.mail_web, "bank": self.ports.bank}[name]
        return Program(
            name=name,
            command=[sys.executable, "-m", f"tests.simulators.{name.replace('-', '_')}"],
            environment={**common, **own},
            ready_url=f"http://{HOST}:{port}/readyz",
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own http address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
