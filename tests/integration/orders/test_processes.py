"""The service's own two processes on a real broker: from the upload to the invoice, through a killed worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pika
import pytest
from sqlalchemy import text

from libs.chassis.principal import Principal, PrincipalSigner, generate_key_pair
from libs.contracts.base import dump
from libs.contracts.orders import GetBankStatement, GetOrder, InvoiceIssued, OrderPaid, ProformaIssued
from tests.support.builders.events import recorded
from tests.support.builders.orders import Shop, manager_of, staff
from tests.support.builders.statements import Transfer, camt
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

PRIVATE, PUBLIC = generate_key_pair()
ROOT = Path(__file__).resolve().parents[3]

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(shop: Shop, broker: TestBroker, tmp_path: Path) -> Iterator[Start]:
    """Start `rpc` or `worker` and wait until it works."""
    running: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ,
        "ORDERS_DATABASE_URL": shop.database.url,
        "AMQP_URL": broker.url,
        "PRINCIPAL_PUBLIC_KEY": PUBLIC,
        "LOG_FORMAT": "json",
    }

    def start(kind: str) -> subprocess.Popen[bytes]:
        log = tmp_path / f"{len(running)}-{kind}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", "libs.messaging.process", "orders", kind],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        running.append(child)
        started = "requests are taken" if kind == "rpc" else "worker started"

        def is_ready() -> bool:
            if child.poll() is not None:
                pytest.fail(log.read_text(errors="replace")[-2_000:])
            return started in log.read_text(errors="replace")

        eventually(is_ready, 60)
        return child

    yield start
    for child in running:
        if child.poll() is None:
            child.kill()
        child.wait(10)


def ask(url: str, method: str, request: Any, principal: Principal, command_id: str | None = None) -> dict[str, Any]:
    """Ask over the wire as the gateway does; the reply as it came."""
    token, _ = PrincipalSigner(PRIVATE).sign(principal)
    headers = {
        "nameko.principal": token,
        "nameko.command_id": command_id or str(uuid.uuid4()),
        "nameko.deadline": (datetime.now(UTC) + timedelta(seconds=20)).isoformat(),
    }
    replies: list[dict[str, Any]] = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        reply_to = str(uuid.uuid4())
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "rpc.replies", reply_to)
        channel.basic_consume(queue, lambda *reply: replies.append(json.loads(reply[3])), auto_ack=True)
        properties = pika.BasicProperties(
            content_type="application/json", reply_to=reply_to, correlation_id=str(uuid.uuid4()), headers=headers
        )
        body = json.dumps({"args": [], "kwargs": {"request": request}}).encode()
        channel.basic_publish("nameko-rpc", f"orders.{method}", body, properties, mandatory=True)
        for _ in range(60):
            connection.process_data_events(time_limit=0.5)
            if replies:
                return replies[0]
    raise AssertionError("no answer")


def result(url: str, method: str, request: Any, principal: Principal, command_id: str | None = None) -> dict[str, Any]:
    """The result of a call that must succeed."""
    reply = ask(url, method, request, principal, command_id)
    assert reply["error"] is None, reply
    found: dict[str, Any] = reply["result"]
    return found


@pytest.mark.story("INS-07", "INS-08", "INS-10")
def test_upload_pays_the_order_and_its_invoice_is_told_though_the_worker_is_killed(
    shop: Shop, broker: TestBroker, start: Start
) -> None:
    buyer = shop.buyer()
    start("rpc")
    worker = start("worker")
    order_request = {
        "organisation_id": str(buyer.organisation_id),
        "lines": [{"sku": "maintenance-15h", "quantity": 3}],
        "language": "bg",
    }
    command_id = str(uuid.uuid4())
    order = result(broker.url, "place_order", order_request, buyer.manager, command_id)
    again = result(broker.url, "place_order", order_request, buyer.manager, command_id)
    assert again["number"] == order["number"]
    eventually(lambda: recorded(shop.database, ProformaIssued), 30)

    transfers = [Transfer(amount=f"{number % 90 + 1}.00", bank_reference=f"R{number}") for number in range(3_000)]
    transfers.append(Transfer(amount=order["gross"]["amount"], structured=order["payment"]["reference"]))
    uploaded = shop.upload(camt(transfers))
    finance = staff("finance")
    look = dump(GetBankStatement(statement_id=uploaded.id))
    eventually(lambda: result(broker.url, "get_bank_statement", look, finance)["state"] != "waiting", 30)
    worker.kill()
    worker.wait(10)
    _let_the_lease_end(shop)
    start("worker")

    eventually(lambda: result(broker.url, "get_bank_statement", look, finance)["state"] == "done", 60)
    eventually(lambda: recorded(shop.database, InvoiceIssued), 60)
    statement = result(broker.url, "get_bank_statement", look, finance)
    assert (statement["entries"], statement["matched"], statement["unmatched"]) == (3_001, 1, 3_000)
    assert len(recorded(shop.database, OrderPaid)) == 1
    paid = result(broker.url, "get_order", dump(GetOrder(order_id=uuid.UUID(order["id"]))), buyer.manager)
    assert (paid["state"], paid["invoice_number"], paid["has_invoice"]) == ("paid", "0000000001", True)


def test_foreign_order_is_not_found_over_the_wire_and_a_bad_line_is_named(
    shop: Shop, broker: TestBroker, start: Start
) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    start("rpc")
    stranger = manager_of(uuid.uuid4())
    for method in ("get_order", "cancel_order"):
        refusal = ask(broker.url, method, dump(GetOrder(order_id=order.id)), stranger)["error"]["value"]
        assert refusal["code"] == "not_found"
    bad = {"organisation_id": str(buyer.organisation_id), "lines": [{"sku": "maintenance-15h", "quantity": 10**9}]}
    refusal = ask(broker.url, "place_order", bad, buyer.manager)["error"]["value"]
    assert (refusal["code"], [fault["field"] for fault in refusal["faults"]]) == ("invalid", ["lines.0.quantity"])


def _let_the_lease_end(shop: Shop) -> None:
    """Half a minute passes for the leases of a worker that is dead."""
    with shop.database.engine.begin() as connection:
        connection.execute(text("UPDATE bank_statements SET lease_until = now() - interval '1 second'"))
