"""The life of an order, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from segno.helpers import make_epc_qr

from libs.chassis import references
from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.contracts.errors import Conflict
from services.orders.model import DocumentSeries, Order, OrderLine, Product
from services.orders.model.errors import OrderClosed, OrderNotAwaitingApproval, OrderNotCancellable, OrderNotExpirable
from services.orders.model.payment import epc_payload, payment_of

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def a_product(price: str = "48.00") -> Product:
    return Product(
        id=new_id(),
        sku="maintenance-15h",
        name={"bg": "Поддържащо обучение", "en": "Maintenance training"},
        kind="training",
        price=Decimal(price),
        currency="EUR",
        vat_category="S",
        vat_rate=Decimal("20.00"),
        vat_ground=None,
        validity_months=12,
    )


def an_order(*, by_approval: bool = False, price: str = "48.00", quantity: int = 2) -> Order:
    return Order.place(
        number="2026-000147",
        reference=references.make_reference("2026000147"),
        organisation_id=new_id(),
        placed_by=new_id(),
        language="bg",
        lines=[OrderLine.of(a_product(price), quantity, 1)],
        currency="EUR",
        by_approval=by_approval,
        placed_at=NOW,
        due_on=date(2026, 12, 5),
        expires_at=NOW + timedelta(days=30),
    )


def told(order: Order) -> list[str]:
    return [type(event).__name__ for event, _ in order.__dict__.get("_recorded", [])]


def test_whole_sum_settles_once() -> None:
    order = an_order()
    order.receive(Decimal("100.00"), NOW)
    assert (order.state, order.owed) == ("under_paid", Decimal("15.20"))
    order.receive(Decimal("15.20"), NOW)
    assert (order.state, order.owed, order.credit, order.settled_at) == ("paid", 0, 0, NOW)
    order.receive(Decimal("5.00"), NOW + timedelta(days=1))
    assert (order.state, order.credit, order.settled_at) == ("paid", Decimal("5.00"), NOW)
    assert told(order) == ["OrderPlaced", "PaymentReceived", "PaymentReceived", "OrderPaid", "PaymentReceived"]


@given(st.lists(st.decimals("0.01", "200.00", places=2), min_size=1, max_size=30))
def test_seats_are_told_of_exactly_when_the_sum_is_whole(amounts: list[Decimal]) -> None:
    order = an_order()
    for amount in amounts:
        order.receive(amount, NOW)
    whole = sum(amounts) >= order.gross
    assert told(order).count("OrderPaid") == whole
    assert order.state == ("paid" if whole else "under_paid")
    assert order.owed - order.credit == order.gross - sum(amounts)


@pytest.mark.parametrize("end", ["cancelled", "expired", "declined", "approved"])
def test_closed_order_takes_no_payment(end: str) -> None:
    order = an_order(by_approval=end in ("declined", "approved"))
    close: dict[str, Callable[[], None]] = {
        "cancelled": order.cancel,
        "expired": order.expire,
        "declined": lambda: order.decline(new_id(), "не"),
        "approved": lambda: order.approve(new_id(), NOW),
    }
    close[end]()
    assert (order.state, order.owed) == (end, 0)
    with pytest.raises(OrderClosed) as refusal:
        order.receive(order.gross, NOW)
    assert isinstance(refusal.value, Conflict)
    assert (refusal.value.code, refusal.value.params["state"]) == ("order_closed", end)
    for deed in (order.cancel, order.expire):
        with pytest.raises((OrderNotCancellable, OrderNotExpirable)):
            deed()
    with pytest.raises(OrderNotAwaitingApproval):
        order.approve(new_id(), NOW)


def test_order_that_costs_nothing_is_settled_at_once() -> None:
    order = an_order(price="0.00")
    assert (order.state, order.proforma_wanted) == ("paid", False)
    assert told(order) == ["OrderPlaced", "OrderPaid"]


def test_reference_survives_thirty_five_characters() -> None:
    order = an_order()
    assert len(order.reference) == 14
    assert len(references.group(order.reference)) <= 35
    assert references.is_reference(order.reference)


def test_payment_code_is_what_the_standard_library_of_codes_makes() -> None:
    # A sum without a nought at its end: the library leaves those out, which the standard allows as well.
    order, supplier = an_order(price="48.01"), load_operator("demo").supplier
    payload = epc_payload(order, supplier)
    expected = make_epc_qr(
        name=supplier.latin_name,
        iban=supplier.iban,
        amount=order.owed,
        reference=order.reference,
        bic=supplier.bic,
        encoding="utf-8",
    )
    ours = segno.make(payload.encode(), error="m", boost_error=False, micro=False, encoding="utf-8")
    assert ours.matrix == expected.matrix
    assert ours.version <= 13
    assert payment_of(order, supplier).epc == payload


def test_nothing_owed_needs_no_payment_code() -> None:
    order = an_order()
    order.receive(order.gross, NOW)
    assert epc_payload(order, load_operator("demo").supplier) == ""


def test_numbers_of_a_series_have_ten_digits_and_begin_again_after_the_last() -> None:
    series = DocumentSeries(code="invoices", next_number=147)
    assert [series.take(), series.take()] == ["0000000147", "0000000148"]
    series.next_number = 9_999_999_999
    assert [series.take(), series.take()] == ["9999999999", "0000000001"]
