"""A timeout decides nothing: who got no answer asks again under the same id and hears what became of the first.

That every changing RPC keeps this is shown in `tests/integration/authorisation/test_repeats.py`, by walking all RPCs;
that the gateway asks again under the same id, in `tests/integration/gateway/test_bus.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, text

from deploy.local.authorisation import all_methods
from deploy.local.machine import free_port
from deploy.local.postgres import Postgres
from libs.chassis.clock import SystemClock
from libs.chassis.database import create_engine, session_factory
from libs.chassis.operator import load_operator
from libs.chassis.principal import PrincipalSigner
from libs.contracts.orders import OrderPlaced
from libs.messaging.migrate import migrate
from libs.messaging.revisions import migrations_of
from services.orders.handlers import catalogue
from tests.faults.asking import Caller
from tests.faults.conftest import KEYS, declare_everything
from tests.faults.house import House
from tests.integration.authorisation.test_repeats import NOT_REMEMBERED, REMEMBERED
from tests.support.builders.events import recorded
from tests.support.builders.orders import LICENCE, Buyer, Shop, shop, use_operator
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground

__all__ = ["shop"]  # a fixture

AT_ONCE, CRASHES = 12, 2
GATE = 4_242

# The commit of an order waits for an advisory lock, within the commit itself.
SLOW_COMMIT = f"""
    CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER at_the_gate AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate()
"""


def an_order(buyer: Buyer, quantity: int = 1) -> dict[str, Any]:
    """What the gateway sends for an order."""
    return {"organisation_id": str(buyer.organisation_id), "lines": [{"sku": LICENCE, "quantity": quantity}]}


def by(buyer: Buyer, command_id: str) -> dict[str, str]:
    """Who asks, and under which id."""
    return {"token": PrincipalSigner(KEYS[0]).sign(buyer.manager)[0], "command_id": command_id}


def orders_in(database: ServiceDatabase) -> int:
    """How many orders stand."""
    with database.engine.connect() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM orders")).scalar_one()
    return found


def test_every_changing_rpc_is_among_those_that_are_told_twice() -> None:
    commands = {name for name, method in all_methods().items() if method.kind == "command"}
    assert commands == {*REMEMBERED, *NOT_REMEMBERED}


class Commits:
    """Hands on the commits of one database: they can be held, and cut off while they are held."""

    def __init__(self, admin: psycopg.Connection, database: str) -> None:
        self._admin = admin
        self._database = database

    def cut_off(self, wait_event: str) -> None:
        """Wait until a backend of an rpc process waits in its commit, and terminate it."""
        waiting = """
            SELECT pid FROM pg_stat_activity
            WHERE datname = %s AND wait_event = %s AND application_name LIKE '%%-rpc' AND query = 'COMMIT'
        """
        pid = eventually(lambda: self._admin.execute(waiting, [self._database, wait_event]).fetchone(), 20)[0]
        self._admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        gone = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = %s)"
        eventually(lambda: (self._admin.execute(gone, [pid]).fetchone() or (False,))[0])

    @contextmanager
    def not_begun(self, url: str) -> Iterator[None]:
        """Commits of orders wait before anything of them lasts; cut off, they are rolled back."""
        with psycopg.connect(url, autocommit=True) as holder:
            holder.execute("SELECT pg_advisory_lock(%s)", [GATE])
            yield

    @contextmanager
    def not_told(self) -> Iterator[None]:
        """Commits last at once and then wait for a standby that is not there; cut off, they are not undone."""
        self._admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        self._admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self._admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            self._admin.execute("SELECT pg_reload_conf()")


@pytest.fixture
def commits(ground: Ground, shop: Shop) -> Iterator[Commits]:
    """The commits of the orders database."""
    database = make_url(shop.database.url).database or ""
    with psycopg.connect(ground.postgres.admin_url, autocommit=True) as admin:
        setting = sql.SQL("ALTER DATABASE {} SET synchronous_commit = 'on'")
        admin.execute(setting.format(sql.Identifier(database)))
        yield Commits(admin, database)


def plain(url: str) -> str:
    """An address in libpq's form."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.mark.parametrize("cuts", [1, 2])
def test_a_commit_that_was_cut_off_before_it_lasted_is_done_once_when_asked_again(
    house: House, caller: Caller, shop: Shop, commits: Commits, cuts: int
) -> None:
    buyer, command_id = shop.buyer(), str(uuid4())
    with psycopg.connect(plain(shop.database.url), autocommit=True) as connection:
        connection.execute(SLOW_COMMIT)
    house.start("orders-rpc")

    with commits.not_begun(plain(shop.database.url)):
        first = caller.send("orders.place_order", an_order(buyer), **by(buyer, command_id))
        for _ in range(cuts):
            commits.cut_off("advisory")
    heard = caller.receive(first)
    if cuts == 2:  # the service tries again once by itself
        assert (heard["error"]["value"]["kind"], orders_in(shop.database)) == ("unavailable", 0)
    again = caller.ask("orders.place_order", an_order(buyer), **by(buyer, command_id))

    assert again["error"] is None
    assert cuts == 2 or heard == again
    assert (orders_in(shop.database), len(recorded(shop.database, OrderPlaced))) == (1, 1)
    assert house.stop_program("orders-rpc") == 0


def test_a_commit_that_lasted_though_nobody_heard_of_it_is_not_done_again(
    house: House, caller: Caller, shop: Shop, commits: Commits
) -> None:
    buyer, command_id = shop.buyer(), str(uuid4())
    house.start("orders-rpc")

    with commits.not_told():
        first = caller.send("orders.place_order", an_order(buyer), **by(buyer, command_id))
        commits.cut_off("SyncRep")
        heard = caller.receive(first)
        again = caller.ask("orders.place_order", an_order(buyer), **by(buyer, command_id))

    assert again["error"] is None
    assert heard == again
    assert (orders_in(shop.database), len(recorded(shop.database, OrderPlaced))) == (1, 1)
    assert house.stop_program("orders-rpc") == 0


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL that may be killed, and keeps what it has confirmed."""
    server = Postgres(tmp_path / "postgres", port=free_port())
    server.start()
    server.create_databases(("orders",))
    yield server
    server.stop()


def crash(server: Postgres) -> None:
    """SIGKILL to the server with all its processes, and start it again."""
    head = server.server.process
    assert head is not None
    family = [head, *head.children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)
    server.start()


def test_after_a_crash_of_the_database_every_answer_stands_and_every_doubt_is_resolved(
    broker: TestBroker, own_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_everything(broker.url)
    url = own_postgres.url("orders")
    migrate(url, migrations_of("orders"))
    engine = create_engine(url)
    database = ServiceDatabase(
        service="orders", url=url, engine=engine, sessions=session_factory(engine), clock=SystemClock()
    )
    monkeypatch.setenv("DOCUMENTS_URL", tmp_path.as_uri())
    use_operator(monkeypatch, "demo")
    with database.open_work() as work:
        catalogue.publish_products(work, load_operator("demo"))
    buyer = Shop(database).buyer()
    house = House(tmp_path / "house", broker.url, lambda _service: database, KEYS[1])
    promised: dict[str, dict[str, Any]] = {}
    try:
        house.start("orders-rpc")
        with Caller(broker.url) as caller:
            for _ in range(CRASHES):
                commands = [str(uuid4()) for _ in range(AT_ONCE)]
                calls = {one: caller.send("orders.place_order", an_order(buyer), **by(buyer, one)) for one in commands}
                caller.receive(calls[commands[0]])
                crash(own_postgres)
                heard = {one: caller.receive(call) for one, call in calls.items()}
                promised |= {one: answer for one, answer in heard.items() if answer["error"] is None}
                for one in commands:
                    promised.setdefault(one, _ask_until_told(caller, buyer, one))
            told_again = {one: caller.ask("orders.place_order", an_order(buyer), **by(buyer, one)) for one in promised}
        assert told_again == promised
        assert orders_in(database) == len(promised) == AT_ONCE * CRASHES
        assert len({answer["result"]["id"] for answer in promised.values()}) == AT_ONCE * CRASHES
        assert house.stop_program("orders-rpc") == 0
    finally:
        house.close()
        engine.dispose()


def _ask_until_told(caller: Caller, buyer: Buyer, command_id: str) -> dict[str, Any]:
    """Ask again while the service says that it cannot just now, as a browser's user does."""

    def told() -> dict[str, Any]:
        answer = caller.ask("orders.place_order", an_order(buyer), **by(buyer, command_id))
        assert answer["error"] is None, answer
        return answer

    return eventually(told, 20, every=0.2)
