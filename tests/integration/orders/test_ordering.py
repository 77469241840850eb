"""Placing orders, seeing them, taking them back, and deciding on them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.chassis.principal import Principal
from libs.contracts.base import load
from libs.contracts.errors import Forbidden, Invalid, NotFound, Unauthenticated
from libs.contracts.orders import (
    ApproveOrder,
    CancelOrder,
    DeclineOrder,
    GetOrder,
    GetOrderDocument,
    ListOrders,
    ListProducts,
    NewOrderLine,
    OrderApproved,
    OrderCancelled,
    OrderDeclined,
    OrderPaid,
    OrderPlaced,
    PlaceOrder,
    ProductPublished,
)
from services.orders import load as loader
from services.orders import queries
from services.orders.handlers import catalogue, deciding, placing
from services.orders.model import Order
from services.orders.model.errors import OrderClosed, OrderNotAwaitingApproval, OrderNotCancellable
from tests.support.builders.events import recorded
from tests.support.builders.orders import LICENCE, TRAINING, Shop, manager_of, staff, use_operator
from tests.support.builders.statements import Transfer, camt


def _place(shop: Shop, principal: Principal | None, organisation_id: object, lines: list[dict[str, object]]) -> object:
    command = load(PlaceOrder, {"organisation_id": str(organisation_id), "lines": lines})
    with shop.database.open_work(principal=principal) as work:
        return placing.place_order(work, command)


@pytest.mark.story("INS-03", "INS-04")
def test_several_products_are_ordered_together_and_the_transfer_data_shown(shop: Shop) -> None:
    order = shop.order(shop.buyer(), (TRAINING, 3), (LICENCE, 2))
    assert order.number.endswith("-000001")
    assert [(line.sku, line.quantity, line.net.amount) for line in order.lines] == [
        (TRAINING, 3, Decimal("144.00")),
        (LICENCE, 2, Decimal("72.00")),
    ]
    assert (order.net.amount, order.vat.amount, order.gross.amount) == (
        Decimal("216.00"),
        Decimal("43.20"),
        Decimal("259.20"),
    )
    payment = order.payment
    assert (payment.iban, payment.bic, payment.amount.amount) == (
        "BG80BNBG96611020345678",
        "BNBGBGSD",
        order.gross.amount,
    )
    assert payment.payee == "Учебен център Пример ЕООД"
    assert payment.reference.startswith("RF")
    assert order.organisation_name == "Примерен брокер ООД"
    [placed] = recorded(shop.database, OrderPlaced)
    assert placed["state"] == "awaiting_payment"
    assert [line["kind"] for line in placed["lines"]] == ["training", "seats"]


@pytest.mark.story("INS-06")
def test_no_two_orders_share_a_reference(shop: Shop) -> None:
    buyer = shop.buyer()
    orders = [shop.order(buyer) for _ in range(5)]
    assert len({order.payment.reference for order in orders}) == 5
    assert len({order.number for order in orders}) == 5


@pytest.mark.story("MON-42")
def test_catalogue_shows_what_can_be_ordered(shop: Shop) -> None:
    with shop.database.open_work() as work:
        products = queries.list_products(work, ListProducts()).items
    training = products[0]
    assert training.sku == TRAINING
    assert (training.kind, training.choose_modules, training.minutes_required) == ("training", True, 900)
    assert sum(module.minutes for module in training.modules) >= 900
    buyer = shop.buyer()
    for product in products:
        assert shop.order(buyer, (product.sku, 1)).state == "awaiting_payment"


@pytest.mark.story("MON-43")
def test_nobody_orders_without_a_session(shop: Shop) -> None:
    with pytest.raises(Unauthenticated):
        _place(shop, None, new_id(), [{"sku": TRAINING, "quantity": 1}])


@pytest.mark.story("INS-03")
@pytest.mark.parametrize(
    ("lines", "field", "code"),
    [
        ([{"sku": TRAINING, "quantity": 0}], "lines.0.quantity", "out_of_range"),
        ([{"sku": TRAINING, "quantity": -3}], "lines.0.quantity", "out_of_range"),
        ([{"sku": TRAINING, "quantity": 1.5}], "lines.0.quantity", "not_a_whole_number"),
        ([{"sku": TRAINING, "quantity": "2"}], "lines.0.quantity", "not_a_whole_number"),
        ([{"sku": TRAINING, "quantity": 10**9}], "lines.0.quantity", "out_of_range"),
        ([{"sku": LICENCE, "quantity": 1}, {"sku": "no-such", "quantity": 1}], "lines.1.sku", "unknown_sku"),
        ([{"sku": LICENCE, "quantity": 1}, {"sku": LICENCE, "quantity": 1}], "lines.1.sku", "repeated"),
        ([{"sku": "", "quantity": 1}], "lines.0.sku", "wrong_length"),
        ([{"quantity": 1}], "lines.0.sku", "required"),
        ([], "lines", "wrong_length"),
    ],
)
def test_bad_line_is_named_and_nothing_is_stored(
    shop: Shop, lines: list[dict[str, object]], field: str, code: str
) -> None:
    buyer = shop.buyer()
    with pytest.raises(Invalid) as refusal:
        _place(shop, buyer.manager, buyer.organisation_id, lines)
    assert field in {fault.field for fault in refusal.value.faults}
    assert code in {fault.code for fault in refusal.value.faults}
    assert recorded(shop.database, OrderPlaced) == []


@pytest.mark.parametrize("quantity", [0, -1, 10_001, 10**9])
def test_rule_of_quantities_holds_without_the_rim(shop: Shop, quantity: int) -> None:
    buyer = shop.buyer()
    command = PlaceOrder(
        organisation_id=buyer.organisation_id, lines=[NewOrderLine(sku=TRAINING, quantity=quantity)], language="bg"
    )
    with pytest.raises(Invalid) as refusal, shop.database.open_work(principal=buyer.manager) as work:
        placing.place_order(work, command)
    assert [fault.field for fault in refusal.value.faults] == ["lines.0.quantity"]


def test_foreign_organisation_is_not_found(shop: Shop) -> None:
    buyer, other = shop.buyer(), shop.buyer("Друга фирма ООД")
    with pytest.raises(NotFound):
        _place(shop, buyer.manager, other.organisation_id, [{"sku": TRAINING, "quantity": 1}])
    with pytest.raises(Forbidden):
        _place(shop, staff("admin"), other.organisation_id, [{"sku": TRAINING, "quantity": 1}])
    assert recorded(shop.database, OrderPlaced) == []


def test_somebody_elses_order_is_not_found_whatever_is_asked(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    stranger = manager_of(new_id())
    deeds = [
        lambda work: queries.get_order(work, GetOrder(order_id=order.id)),
        lambda work: queries.get_order_document(work, GetOrderDocument(order_id=order.id, kind="proforma")),
        lambda work: queries.list_orders(work, ListOrders(organisation_id=order.organisation_id)),
        lambda work: placing.cancel_order(work, CancelOrder(order_id=order.id)),
    ]
    for deed in deeds:
        with pytest.raises(NotFound), shop.database.open_work(principal=stranger) as work:
            deed(work)
    with pytest.raises(NotFound), shop.database.open_work(principal=stranger) as work:
        queries.get_order(work, GetOrder(order_id=new_id()))
    with pytest.raises(Forbidden), shop.database.open_work(principal=stranger) as work:
        queries.list_orders(work, ListOrders())
    assert shop.look(order).state == "awaiting_payment"


def test_member_who_manages_nothing_does_not_order(shop: Shop) -> None:
    buyer = shop.buyer()
    member = Principal(
        account_id=new_id(),
        session_id=new_id(),
        organisation_id=buyer.organisation_id,
        roles=frozenset({"member"}),
    )
    with pytest.raises(Forbidden):
        _place(shop, member, buyer.organisation_id, [{"sku": TRAINING, "quantity": 1}])


def test_orders_are_listed_by_page_state_and_search(shop: Shop) -> None:
    buyer, other = shop.buyer(), shop.buyer("Застрахователен дом Ново ООД")
    orders = [shop.order(buyer) for _ in range(3)] + [shop.order(other)]

    def listed(principal: Principal, **request: object) -> list[str]:
        with shop.database.open_work(principal=principal) as work:
            return [item.number for item in queries.list_orders(work, ListOrders(**request)).items]  # type: ignore[arg-type]

    own = {"organisation_id": buyer.organisation_id}
    assert listed(buyer.manager, **own) == [order.number for order in reversed(orders[:3])]
    assert listed(staff("finance"), search="ново") == [orders[3].number]
    assert listed(staff("finance"), search=orders[1].number) == [orders[1].number]
    assert listed(staff("finance"), search=orders[1].payment.reference.lower()) == [orders[1].number]
    assert listed(staff("finance"), states=["paid"]) == []
    with shop.database.open_work(principal=buyer.manager) as work:
        first = queries.list_orders(work, ListOrders(page_size=2, **own))
        second = queries.list_orders(work, ListOrders(page_size=2, page_token=first.next_page_token, **own))
    assert [len(first.items), len(second.items), second.next_page_token] == [2, 1, None]
    with pytest.raises(Invalid), shop.database.open_work(principal=buyer.manager) as work:
        queries.list_orders(work, ListOrders(page_token="nonsense", **own))


def test_order_is_taken_back_before_any_payment_only(shop: Shop) -> None:
    buyer = shop.buyer()
    unpaid, begun = shop.order(buyer), shop.order(buyer)
    shop.statement(camt([Transfer(amount="1.00", texts=[begun.payment.reference])]))
    with shop.database.open_work(principal=buyer.manager) as work:
        assert placing.cancel_order(work, CancelOrder(order_id=unpaid.id)).state == "cancelled"
    for order in (unpaid, begun):
        with pytest.raises(OrderNotCancellable), shop.database.open_work(principal=buyer.manager) as work:
            placing.cancel_order(work, CancelOrder(order_id=order.id))
    assert [event["order_id"] for event in recorded(shop.database, OrderCancelled)] == [str(unpaid.id)]


def test_official_approves_instead_of_a_payment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use_operator(monkeypatch, "ministry")
    buyer = shop.buyer("Училище Пример")
    approved, declined = shop.order(buyer, (LICENCE, 2)), shop.order(buyer, (LICENCE, 9))
    assert (approved.state, approved.payment) == ("awaiting_approval", None)
    for nobody in (buyer.manager, staff("finance"), staff("clerk")):
        with pytest.raises(Forbidden), shop.database.open_work(principal=nobody) as work:
            deciding.approve_order(work, ApproveOrder(order_id=approved.id))
    official = staff("official")
    with shop.database.open_work(principal=official) as work:
        assert deciding.approve_order(work, ApproveOrder(order_id=approved.id)).state == "approved"
    with shop.database.open_work(principal=staff("admin")) as work:
        view = deciding.decline_order(work, DeclineOrder(order_id=declined.id, reason="Над квотата"))
    assert (view.state, view.decline_reason) == ("declined", "Над квотата")
    for order in (approved, declined):
        with pytest.raises(OrderNotAwaitingApproval), shop.database.open_work(principal=official) as work:
            deciding.approve_order(work, ApproveOrder(order_id=order.id))
    [event] = recorded(shop.database, OrderApproved)
    assert (event["order_id"], event["approved_by"]) == (str(approved.id), str(official.account_id))
    assert [event["reason"] for event in recorded(shop.database, OrderDeclined)] == ["Над квотата"]
    assert recorded(shop.database, OrderPaid) == []


def test_payment_for_an_order_under_approval_waits_for_finance(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    use_operator(monkeypatch, "ministry")
    order = shop.order(shop.buyer(), (LICENCE, 1))
    with shop.database.open_work(principal=staff("finance")) as work:
        stored = work.session.get_one(Order, order.id)
        with pytest.raises(OrderClosed):
            stored.receive(Decimal("1.00"), work.now())
        reference = stored.reference
    shop.statement(camt([Transfer(amount=order.gross.amount, texts=[reference])]))
    assert [queued.why for queued in shop.transactions("unmatched")] == ["order_closed"]


def test_catalogue_is_loaded_any_number_of_times(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", shop.database.url)
    published = len(recorded(shop.database, ProductPublished))
    assert loader.main(["demo"]) == 0
    assert "none" in capsys.readouterr().out
    assert len(recorded(shop.database, ProductPublished)) == published
    assert loader.main(["no-such-preset"]) == 1
    assert "no-such-preset" in capsys.readouterr().err
    monkeypatch.delenv("ORDERS_DATABASE_URL")
    assert loader.main(["demo"]) == 1


def test_product_that_is_no_longer_named_goes_off_sale(shop: Shop) -> None:
    with shop.database.open_work() as work:
        catalogue.publish_products(work, load_operator("ministry"))
    with shop.database.open_work() as work:
        skus = [product.sku for product in queries.list_products(work, ListProducts()).items]
    assert TRAINING not in skus
    buyer = shop.buyer()
    with pytest.raises(Invalid):
        _place(shop, buyer.manager, buyer.organisation_id, [{"sku": TRAINING, "quantity": 1}])
