"""What the worker finishes later stays under the id of the request that began it."""

from __future__ import annotations

from libs.chassis.logging import correlated
from libs.contracts.base import load
from libs.contracts.orders import OrderPaid
from services.orders.handlers import documents
from services.orders.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.builders.orders import Shop
from tests.support.builders.statements import Transfer, camt


def ids(shop: Shop, event: str) -> list[str]:
    """The correlation ids of the recorded events of this kind."""
    with shop.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT correlation_id FROM outbox WHERE type = %s ORDER BY position", (event,)
        )
        return [row.correlation_id for row in rows]


def test_a_proforma_an_import_and_an_invoice_carry_the_id_of_their_request(shop: Shop) -> None:
    with correlated("the order"):
        order = shop.order(shop.buyer())
    assert documents.issue_proformas(shop.database.open_work)
    assert ids(shop, "orders.order_placed.v1") == ids(shop, "orders.proforma_issued.v1") == ["the order"]

    assert order.payment is not None
    with correlated("the upload"):
        shop.upload(camt([Transfer(amount=order.payment.amount.amount, texts=[order.payment.reference])]))
    shop.run_imports()
    assert set(ids(shop, "orders.bank_statement_progressed.v1")) == {"the upload"}
    assert ids(shop, "orders.order_paid.v1") == ["the upload"]

    (paid,) = recorded(shop.database, OrderPaid)
    deliver(shop.database, SUBSCRIPTIONS, load(OrderPaid, paid))
    assert documents.issue_invoices(shop.database.open_work)
    assert ids(shop, "orders.invoice_issued.v1") == ["test"]  # the id under which the event was delivered
