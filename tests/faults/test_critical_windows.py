"""A process dies between two steps that are no single step: in every window the effect stands exactly once."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner
from libs.contracts.identity import SignInAwaitingFactor
from libs.contracts.mfa import ChallengeUnavailable
from libs.contracts.orders import InvoiceIssued, OrderPaid, OrderPlaced
from libs.messaging.fail_points import NAMES
from libs.messaging.topology import dead_queue_of, queue_of, retry_queue_of
from tests.faults.asking import Caller
from tests.faults.conftest import KEYS
from tests.faults.house import House
from tests.faults.injections.windows import WINDOWS, Window, arm, has_died
from tests.simulators.push_app.app import PushApp
from tests.support.builders import licensing as seats
from tests.support.builders.events import an_envelope, recorded
from tests.support.builders.notifications import MailRoom, an_account, mail_room
from tests.support.builders.orders import LICENCE, Buyer, Shop, shop
from tests.support.builders.statements import Transfer, camt
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually

__all__ = ["shop"]  # a fixture

TRIED_HERE = {
    "relay.before_publish",
    "relay.after_publish",
    "consumer.after_effect",
    "consumer.after_pass_on",
    "rpc.after_effect",
    "rpc.after_reply",
    "job.after_talk",
}


def one(database: ServiceDatabase, statement: str, **parameters: Any) -> Any:
    """The one value of a query."""
    with database.engine.connect() as connection:
        return connection.execute(text(statement), parameters).scalar_one()


def execute(database: ServiceDatabase, statement: str) -> None:
    """Run a statement and commit."""
    with database.engine.begin() as connection:
        connection.execute(text(statement))


def token_of(principal: Principal) -> str:
    """The principal, signed by the house's key."""
    return PrincipalSigner(KEYS[0]).sign(principal)[0]


def dies_and_is_started_again(house: House, window: Window, once_file: Path) -> None:
    """The program has died in its window, by that and nothing else; another is there in its place."""
    assert house.wait_end(window.program) == -signal.SIGKILL
    assert has_died(once_file)
    house.start_program(window.program, environment=window.environment(once_file))  # dies there no second time
    house.wait_ready(window.program)


def is_quiet(house: House, caller: Caller, *services: str) -> bool:
    """Everything has left the outboxes and the queues."""
    for service in services:
        assert one(house.databases(service), "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0
        assert caller.depth(queue_of(service)) == 0
        assert caller.depth(dead_queue_of(service)) == 0
        assert caller.depth(f"rpc-{service}") == 0
    return True


def stops_well(house: House) -> bool:
    """All that still runs ends in good order; nobody had to leave a message unacknowledged."""
    return {house.stop_program(name) for name, child in house.children.items() if child.running} == {0}


def test_every_fail_point_is_tried_and_every_window_is_one() -> None:
    assert set(NAMES) == TRIED_HERE
    assert {window.place for window in WINDOWS} <= set(NAMES)


def pay(shop: Shop, buyer: Buyer) -> str:
    """Order and pay without any process; the order's id."""
    order = shop.order(buyer, (LICENCE, 3))
    assert order.payment is not None
    shop.statement(camt([Transfer(amount=str(order.gross.amount), structured=order.payment.reference)]))
    return str(order.id)


@pytest.mark.parametrize("place", ["relay.before_publish", "relay.after_publish"])
def test_a_relay_that_dies_beside_its_publishing_loses_and_doubles_nothing(
    house: House, caller: Caller, shop: Shop, tmp_path: Path, place: str
) -> None:
    order_id = pay(shop, shop.buyer())
    window, once_file = Window(program="orders-worker", place=place), tmp_path / "died"
    arm(_Starting(house), window, once_file)

    dies_and_is_started_again(house, window, once_file)

    # the worker hears of its own payment through the broker, and makes the invoice of it
    eventually(lambda: recorded(shop.database, InvoiceIssued), 30)
    eventually(lambda: is_quiet(house, caller, "orders"), 20)
    assert one(shop.database, "SELECT count(*) FROM invoices WHERE order_id = :id", id=order_id) == 1
    assert len(recorded(shop.database, OrderPaid)) == len(recorded(shop.database, InvoiceIssued)) == 1
    heard = [line for line in house.log("orders-worker") if line.get("type") == OrderPaid.TYPE]
    assert len(heard) == (1 if place == "relay.before_publish" else 2), "confirmed but not marked is published again"
    assert stops_well(house)


def a_paid_order(house: House, caller: Caller) -> tuple[seats.Broker, Any]:
    """Licensing knows a product, and hears that three seats of it were paid."""
    database = house.databases("licensing")
    firm, product = seats.Broker(database=database), seats.counted_licences()
    paid = seats.a_paid_order(firm.id, seats.a_line(product, 3), at=database.clock.now())
    caller.tell(an_envelope(database, product), an_envelope(database, paid))
    return firm, product


def granted(house: House) -> list[int]:
    """The seats of every grant."""
    with house.databases("licensing").engine.connect() as connection:
        return list(connection.execute(text("SELECT quantity FROM grants")).scalars())


def test_a_consumer_that_dies_before_it_acknowledges_grants_once(house: House, caller: Caller, tmp_path: Path) -> None:
    window, once_file = Window(program="licensing-worker", place="consumer.after_effect", visit=2), tmp_path / "died"
    arm(_Starting(house), window, once_file)
    house.wait_ready(window.program)
    a_paid_order(house, caller)

    dies_and_is_started_again(house, window, once_file)

    eventually(lambda: is_quiet(house, caller, "licensing"), 20)
    assert granted(house) == [3]
    assert stops_well(house)


def test_a_consumer_that_dies_after_passing_on_leaves_two_letters_and_one_effect(
    house: House, caller: Caller, tmp_path: Path
) -> None:
    window, once_file = Window(program="licensing-worker", place="consumer.after_pass_on"), tmp_path / "died"
    database = house.databases("licensing")
    execute(database, "ALTER TABLE grants RENAME TO grants_away")  # so every handler of a payment fails
    arm(_Starting(house), window, once_file)
    house.wait_ready(window.program)
    a_paid_order(house, caller)

    assert house.wait_end(window.program) == -signal.SIGKILL
    execute(database, "ALTER TABLE grants_away RENAME TO grants")
    dies_and_is_started_again(house, window, once_file)

    eventually(lambda: granted(house) == [3], 30)
    eventually(lambda: caller.depth(retry_queue_of("licensing", 1.0)) == 0, 10)
    eventually(lambda: is_quiet(house, caller, "licensing"), 20)
    assert stops_well(house)  # handles what it has in hand
    assert granted(house) == [3]


@pytest.mark.parametrize("place", ["rpc.after_effect", "rpc.after_reply"])
def test_a_caller_whose_service_died_asks_again_and_gets_the_first_answer(
    house: House, caller: Caller, shop: Shop, tmp_path: Path, place: str
) -> None:
    buyer = shop.buyer()
    window, once_file = Window(program="orders-rpc", place=place), tmp_path / "died"
    arm(_Starting(house), window, once_file)
    house.wait_ready(window.program)
    request = {"organisation_id": str(buyer.organisation_id), "lines": [{"sku": LICENCE, "quantity": 2}]}
    options = {"token": token_of(buyer.manager), "command_id": str(uuid4())}
    first = caller.send("orders.place_order", request, **options)

    dies_and_is_started_again(house, window, once_file)

    again = caller.ask("orders.place_order", request, **options)
    assert again["error"] is None
    assert caller.receive(first) == again, "whoever waited long enough hears it too"
    assert one(shop.database, "SELECT count(*) FROM orders") == 1
    assert len(recorded(shop.database, OrderPlaced)) == 1
    assert one(shop.database, "SELECT id::text FROM orders") == again["result"]["id"]
    eventually(lambda: caller.depth("rpc-orders") == 0)
    assert stops_well(house)


def test_a_mail_that_was_taken_and_not_written_down_is_one_mail_with_one_message_id(
    house: House, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = house.databases("notifications")
    window, once_file = Window(program="notifications-worker", place="job.after_talk"), tmp_path / "died"
    (tmp_path / "documents").mkdir()
    with mail_room(database, tmp_path / "documents", monkeypatch, OPERATOR="demo") as room:
        arm(_Starting(house), window, once_file)
        house.wait_ready(window.program)
        caller.tell(an_envelope(database, an_account(email="maria@broker.example")))
        assert house.wait_end(window.program) == -signal.SIGKILL
        let_leases_end(room)
        dies_and_is_started_again(house, window, once_file)
        eventually(lambda: [mail.state for mail in room.mails()] == ["sent"], 20)

        letters = room.letters("maria@broker.example")
        assert len({dict(letter.headers)["Message-ID"] for letter in letters}) == 1, (
            "a second letter is known as the first"
        )
        assert len(letters) == 2, "nobody can know whether the first arrived: sending it again is the lesser evil"
        eventually(lambda: is_quiet(house, caller, "notifications"))
        assert stops_well(house)


def test_a_push_that_was_sent_and_not_written_down_is_never_sent_again_and_its_sign_in_ends(
    house: House, caller: Caller, tmp_path: Path
) -> None:
    database, account_id = house.databases("mfa"), new_id()
    window, once_file = Window(program="mfa-worker", place="job.after_talk"), tmp_path / "died"
    with PushApp() as push_app:
        push_app.provider.register("+359880000001", "1111")
        house.environment |= {
            "MFA_PUSH_URL": f"{push_app.url}/vendor",
            "MFA_PUSH_VENDOR_NUMBER": push_app.vendor_number,
            "MFA_PUSH_API_KEY": push_app.api_key,
            "OPERATOR": "demo",
        }
        arm(_Starting(house), window, once_file)
        house.wait_ready(window.program)
        deadline = database.clock.now() + timedelta(minutes=5)
        asked = SignInAwaitingFactor(sign_in_id=new_id(), account_id=account_id, code="47", expires_at=deadline)
        account = an_account(account_id, phone="+359880000001")
        caller.tell(an_envelope(database, account), an_envelope(database, asked))
        assert house.wait_end(window.program) == -signal.SIGKILL
        execute(database, "UPDATE challenges SET due_at = now() - interval '1 second'")  # its lease ends
        dies_and_is_started_again(house, window, once_file)

        eventually(lambda: recorded(database, ChallengeUnavailable), 20)
        assert len(push_app.provider.pushes) == 1
        eventually(lambda: is_quiet(house, caller, "mfa"))
        assert stops_well(house)


def let_leases_end(room: MailRoom) -> None:
    """The time passes for which the mails belong to the process that died."""
    execute(room.database, "UPDATE mails SET next_attempt_at = now() - interval '1 second' WHERE state = 'queued'")


class _Starting:
    """A house in which the program to be armed does not run yet."""

    def __init__(self, house: House) -> None:
        self.start_program = house.start_program

    def stop_program(self, name: str) -> None:
        """Nothing runs yet."""
