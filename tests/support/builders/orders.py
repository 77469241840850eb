"""Buyers, orders and statements for tests of orders, all through the service's own deeds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.chassis.principal import Principal
from libs.contracts.identity import OrganisationRegistered
from libs.contracts.orders import (
    BankStatementView,
    BankTransactionView,
    GetBankStatement,
    GetOrder,
    ImportBankStatement,
    ListBankTransactions,
    NewOrderLine,
    OrderView,
    PlaceOrder,
)
from services.orders import queries
from services.orders import settings as orders_settings
from services.orders.handlers import catalogue, importing, placing, statements
from services.orders.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver
from tests.support.databases import ServiceDatabase

TRAINING = "maintenance-15h"
LICENCE = "microsoft-365-a3"


def manager_of(organisation_id: UUID) -> Principal:
    """The manager of an organisation."""
    return Principal(
        account_id=new_id(), session_id=new_id(), organisation_id=organisation_id, roles=frozenset({"manager"})
    )


def staff(*roles: str) -> Principal:
    """Somebody who works for the operator."""
    return Principal(account_id=new_id(), session_id=new_id(), roles=frozenset(roles))


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """An organisation and its manager."""

    organisation_id: UUID
    name: str
    manager: Principal


@dataclass(frozen=True)
class Shop:
    """The orders service of one test, with a catalogue and a document store."""

    database: ServiceDatabase

    def buyer(self, name: str = "Примерен брокер ООД") -> Buyer:
        """A registered organisation."""
        organisation_id = new_id()
        event = OrganisationRegistered(
            organisation_id=organisation_id,
            name=name,
            number="831650349",
            vat_number="BG831650349",
            address="1142 София, бул. „Образец“ № 15",
            country="BG",
        )
        deliver(self.database, SUBSCRIPTIONS, event)
        return Buyer(organisation_id=organisation_id, name=name, manager=manager_of(organisation_id))

    def order(self, buyer: Buyer, *lines: tuple[str, int], language: str = "bg") -> OrderView:
        """A placed order, of one training seat where nothing is said."""
        command = PlaceOrder(
            organisation_id=buyer.organisation_id,
            lines=[NewOrderLine(sku=sku, quantity=quantity) for sku, quantity in lines or [(TRAINING, 1)]],
            language=language,
        )
        with self.database.open_work(principal=buyer.manager) as work:
            return placing.place_order(work, command)

    def look(self, order: OrderView) -> OrderView:
        """The order as it stands now."""
        with self.database.open_work(principal=staff("clerk")) as work:
            return queries.get_order(work, GetOrder(order_id=order.id))

    def upload(self, content: bytes, filename: str = "statement.xml", size: int | None = None) -> BankStatementView:
        """A statement file handed over, not read yet."""
        key = f"uploads/{new_id()}"
        orders_settings.store().put_stream(key, io.BytesIO(content), limit=100_000_000)
        with self.database.open_work(principal=staff("finance")) as work:
            return statements.import_bank_statement(
                work, ImportBankStatement(key=key, filename=filename, size=len(content) if size is None else size)
            )

    def run_imports(self) -> None:
        """What the worker does until nothing is waiting."""
        while importing.import_waiting(self.database.open_work):
            continue

    def statement(self, content: bytes) -> BankStatementView:
        """A statement uploaded and taken in."""
        uploaded = self.upload(content)
        self.run_imports()
        return self.progress(uploaded)

    def progress(self, uploaded: BankStatementView) -> BankStatementView:
        """The statement as it stands now."""
        with self.database.open_work(principal=staff("finance")) as work:
            return queries.get_bank_statement(work, GetBankStatement(statement_id=uploaded.id))

    def transactions(self, state: str = "") -> list[BankTransactionView]:
        """Incoming transfers of a state, newest first; all where none is named."""
        with self.database.open_work(principal=staff("finance")) as work:
            request = ListBankTransactions(state=state, page_size=200)
            return queries.list_bank_transactions(work, request).items


@pytest.fixture
def shop(
    service_database: Callable[[str], ServiceDatabase], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> Iterable[Shop]:
    """The orders service with the demo catalogue and an empty document store."""
    monkeypatch.setenv("DOCUMENTS_URL", f"file://{tmp_path}")
    monkeypatch.setenv("OPERATOR", "demo")
    _forget()
    database = service_database("orders")
    with database.open_work() as work:
        catalogue.publish_products(work, load_operator("demo"))
    yield Shop(database)
    _forget()


def use_operator(monkeypatch: pytest.MonkeyPatch, preset: str) -> None:
    """Serve another operator from now on."""
    monkeypatch.setenv("OPERATOR", preset)
    orders_settings.settings.cache_clear()


def _forget() -> None:
    orders_settings.settings.cache_clear()
    orders_settings.store.cache_clear()
