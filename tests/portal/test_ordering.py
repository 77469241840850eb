"""Ordering: the catalogue, an order, how to pay it, its papers."""

from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.certificates import CertificatesClient
from gateway.clients.licensing import LicensingClient
from gateway.clients.orders import OrdersClient
from libs.contracts.certificates import Trainings
from libs.contracts.errors import Conflict, Fault, Invalid, NotFound
from libs.contracts.licensing import Licences
from libs.contracts.orders import Catalogue, NewOrderLine, Orders
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import StandIn, document, euro, licence, order, payment, product, text

CATALOGUE = Catalogue(
    items=[
        product("maintenance-15h", name=text("Maintenance training, 15 hours"), kind="training", choose_modules=True),
        product("power-bi", name=text("Power BI")),
    ]
)
MANAGER = principal("manager")


def shop(portal: Portal, **answers: Any) -> StandIn:
    """The portal with this behaviour of the orders service."""
    stand_in = StandIn(**{"list_products": CATALOGUE, "list_orders": Orders(items=[])} | answers)
    portal.answers(OrdersClient, stand_in)
    return stand_in


def manager(portal: Portal, language: str = "en") -> Visitor:
    return portal.signed_in(MANAGER, language)


def order_form(portal: Portal, quantities: dict[str, str], status: int = 200, **answers: Any) -> tuple[Page, StandIn]:
    """Fill in "Add licences" and send it."""
    stand_in = shop(portal, **answers)
    visitor = manager(portal)
    page = visitor.open("/management/licences/add")
    fields = {f"quantity-{sku}": typed for sku, typed in quantities.items()}
    return visitor.send(page, fields, status=status), stand_in


@pytest.mark.story("INS-02", "INS-03", "INS-04", "MON-42")
def test_several_products_go_into_one_order_and_the_next_page_tells_how_to_pay(portal: Portal) -> None:
    placed = order()
    page, stand_in = order_form(
        portal, {"maintenance-15h": " 3 ", "power-bi": "2"}, place_order=placed, get_order=placed
    )
    ((organisation_id, lines), kwargs) = stand_in.told("place_order")[0]
    assert organisation_id == MANAGER.organisation_id
    assert lines == [NewOrderLine(sku="maintenance-15h", quantity=3), NewOrderLine(sku="power-bi", quantity=2)]
    assert kwargs == {"language": "en"}
    assert page.path == f"/orders/{placed.id}"
    assert page.heading == "Order 2026-000147"
    assert "Order 2026-000147 is placed." in page.text
    for words in ("Example Training Centre EOOD", "BG80 BNBG 9661 1020 3456 78", "259.20 EUR", "RF18 0000 0014 7"):
        assert words in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert page.one("img.qr")["src"] == f"/orders/{placed.id}/payment.svg"


@pytest.mark.story("INS-03")
@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("-1", "This value is too small or too large."),
        ("00", "This value is too small or too large."),
        ("1000000000", "This value is too small or too large."),
        ("1.5", "Enter a whole number."),
        ("1,5", "Enter a whole number."),
        ("three", "Enter a whole number."),
        ("٣", "Enter a whole number."),
        ("1e3", "Enter a whole number."),
        ("9" * 5000, "Enter a whole number."),
    ],
)
def test_a_quantity_that_is_no_positive_whole_number_is_told_beside_it(portal: Portal, typed: str, fault: str) -> None:
    page, stand_in = order_form(portal, {"power-bi": typed, "maintenance-15h": "1"}, status=422)
    assert page.faults == [fault]
    assert page.links("#faults") == {fault: "#quantity-power-bi"}
    field = page.one("#quantity-power-bi")
    assert page.one(f"#{field['aria-describedby']}").get_text() == fault
    assert field["value"] == typed
    assert page.one("#quantity-maintenance-15h")["value"] == "1"
    assert stand_in.told("place_order") == []


@pytest.mark.parametrize("typed", ["", "0"])
def test_an_order_of_nothing_is_not_sent(portal: Portal, typed: str) -> None:
    page, stand_in = order_form(portal, {"power-bi": typed}, status=422)
    assert page.links("#faults") == {"Enter how many you want of at least one product.": "#order"}
    assert stand_in.told("place_order") == []


def test_what_the_service_refuses_stands_beside_the_product_it_concerns(portal: Portal) -> None:
    refusal = Invalid(faults=[Fault(field="lines.1.quantity", code="out_of_range")])
    page, _ = order_form(portal, {"maintenance-15h": "1", "power-bi": "99999"}, status=422, place_order=refusal)
    assert page.links("#faults") == {"This value is too small or too large.": "#quantity-power-bi"}


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Invalid.field("organisation_id", "not_valid"), "This is not valid."),
        (Conflict("changed_meanwhile"), "Somebody else changed this at the same moment."),
    ],
)
def test_a_refusal_of_the_whole_order_stands_in_the_summary(portal: Portal, refusal: Exception, words: str) -> None:
    page, _ = order_form(portal, {"power-bi": "1"}, status=422, place_order=refusal)
    assert page.faults[0].startswith(words)


@pytest.mark.story("MON-41", "MON-42")
def test_the_catalogue_lets_a_manager_order_and_shows_a_member_what_there_is(portal: Portal) -> None:
    placed = order()
    shop(portal, place_order=placed, get_order=placed)
    visitor = manager(portal)
    page = visitor.open("/catalogue?quantity-power-bi=4")
    assert page.one("#quantity-power-bi")["value"] == "4"
    assert visitor.send(page).heading == "Order 2026-000147"
    page = portal.signed_in(principal("member")).open("/catalogue")
    assert "Power Bi" in page.text or "Power BI" in page.text
    assert page.soup.select("main input.input") == []
    assert page.buttons() == []


def test_an_empty_catalogue_is_a_page_and_orders_nothing(portal: Portal) -> None:
    page, stand_in = order_form(portal, {}, status=422, list_products=Catalogue(items=[]))
    assert page.faults == ["Enter how many you want of at least one product."]
    assert stand_in.told("place_order") == []


@pytest.mark.story("INS-28")
def test_the_catalogue_links_to_the_public_library_where_modules_are_chosen(portal: Portal) -> None:
    shop(portal)
    page = manager(portal).open("/management/licences/add")
    assert page.links("main")["Read about the modules"] == "/library#maintenance-15h"


def test_the_orders_of_the_organisation_are_listed_or_the_way_to_the_first_one(portal: Portal) -> None:
    shop(portal)
    visitor = manager(portal)
    assert visitor.open("/orders").links("main")["Order licences"] == "/management/licences/add"
    states = ("awaiting_payment", "under_paid", "paid", "awaiting_approval", "approved", "declined", "cancelled")
    shown = [order(state, number=f"2026-{at:06}") for at, state in enumerate((*states, "expired"), 1)]
    stand_in = shop(portal, list_orders=Orders(items=shown, next_page_token="next"))
    page = visitor.open("/orders?page_token=some")
    assert [one.get_text(strip=True) for one in page.soup.select("tbody th")] == [one.number for one in shown]
    assert page.links("nav.pagination") == {"To the beginning": "/orders", "Show more": "/orders?page_token=next"}
    (asked,), _ = stand_in.told("list_orders")[0]
    assert (asked.organisation_id, asked.page_token) == (MANAGER.organisation_id, "some")


@pytest.mark.story("INS-07")
def test_an_unpaid_order_says_that_its_seats_come_with_the_money(portal: Portal) -> None:
    found = order()
    shop(portal, get_order=found)
    page = manager(portal).open(f"/orders/{found.id}")
    assert "Waiting for payment" in page.text
    assert "The seats appear as soon as we see the whole sum in our account." in page.text
    assert "Available licences" not in page.buttons()


def test_a_partly_paid_order_tells_what_came_and_what_is_missing(portal: Portal) -> None:
    found = order("under_paid", paid=euro("100.00"), payment=payment(amount=euro("159.20")), has_proforma=True)
    shop(portal, get_order=found)
    page = manager(portal).open(f"/orders/{found.id}")
    words = page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Received so far: 100.00 EUR of 259.20 EUR." in words
    assert "159.20 EUR" in words
    assert page.links("main")["Proforma (PDF)"] == f"/orders/{found.id}/proforma.pdf"


def test_a_paid_order_leads_to_its_seats_and_its_invoice(portal: Portal) -> None:
    found = order(
        "paid",
        invoice_number="0000000001",
        has_invoice=True,
        has_proforma=True,
        credit=euro("5.00"),
        paid=euro("264.20"),
    )
    shop(portal, get_order=found)
    page = manager(portal).open(f"/orders/{found.id}")
    links = page.links("main")
    assert links["Available licences"] == "/management/licences"
    assert links["0000000001 (PDF)"] == f"/orders/{found.id}/invoice.pdf"
    assert "too much" in page.text
    assert "How to pay" not in page.text


def test_a_declined_order_tells_the_reason_as_text(portal: Portal) -> None:
    found = order("declined", decline_reason="<script>alert(1)</script> No money.")
    shop(portal, get_order=found)
    assert "<script>alert(1)</script> No money." in manager(portal).open(f"/orders/{found.id}").text


@pytest.mark.parametrize(
    "path", ["/orders/{id}", "/orders/{id}/payment.svg", "/orders/{id}/proforma.pdf", "/orders/{id}/cancel"]
)
def test_somebody_elses_order_is_a_page_that_tells_nothing(portal: Portal, path: str) -> None:
    shop(portal, get_order=NotFound(), get_order_document=NotFound())
    page = manager(portal).open(path.format(id=uuid4()), status=404)
    assert page.heading == "We could not find this page"


def test_the_payment_code_is_a_picture_and_a_paid_order_has_none(portal: Portal) -> None:
    found = order()
    shop(portal, get_order=found)
    answer = manager(portal).client.get(f"/orders/{found.id}/payment.svg")
    assert answer.mimetype == "image/svg+xml"
    assert answer.data.startswith(b"<svg")
    shop(portal, get_order=order("paid"))
    manager(portal).open(f"/orders/{found.id}/payment.svg", status=404)


def test_the_papers_are_streamed_under_their_own_names(portal: Portal) -> None:
    paper = document()
    portal.app.extensions["documents"].put(paper.key, b"%PDF")
    shop(portal, get_order_document=paper)
    answer = manager(portal).client.get(f"/orders/{uuid4()}/invoice.pdf")
    assert (answer.data, answer.mimetype) == (b"%PDF", "application/pdf")
    assert answer.headers["Content-Disposition"] == "inline; filename=proforma.pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    manager(portal).open(f"/orders/{uuid4()}/passwd.pdf", status=404)


def test_an_order_is_cancelled_after_one_question(portal: Portal) -> None:
    found = order()
    stand_in = shop(portal, get_order=found, cancel_order=order("cancelled"))
    visitor = manager(portal)
    question = visitor.open(f"/orders/{found.id}/cancel")
    assert question.heading == "Cancel order 2026-000147?"
    assert question.buttons() == ["Cancel the order", "Back"]
    assert stand_in.told("cancel_order") == []
    assert "Order 2026-000147 is cancelled." in visitor.send(question).text
    assert stand_in.told("cancel_order") == [((found.id,), {})]


def test_an_order_that_was_paid_meanwhile_is_not_cancelled_and_says_so(portal: Portal) -> None:
    found = order()
    shop(portal, get_order=found, cancel_order=Conflict("cannot_cancel"))
    visitor = manager(portal)
    page = visitor.send(visitor.open(f"/orders/{found.id}/cancel"))
    assert "can no longer be cancelled" in page.text


def test_the_home_page_shows_open_orders(portal: Portal) -> None:
    portal.answers(LicensingClient, StandIn(list_licences=Licences(items=[licence()])))
    portal.answers(CertificatesClient, StandIn(list_my_trainings=Trainings(items=[])))
    shop(portal, list_orders=Orders(items=[order()]))
    page = manager(portal).open("/home")
    assert "2026-000147" in page.links("main")
    assert "Your licences" in page.text
    shop(portal)
    assert "Open orders" not in manager(portal).open("/home").text


@pytest.mark.parametrize("path", ["/management/licences/add", "/orders"])
def test_ordering_is_for_managers(portal: Portal, path: str) -> None:
    shop(portal)
    assert portal.signed_in(principal("member")).open(path, status=403).heading == "You may not open this"
    assert portal.visitor().open(path).heading == "Sign in"


@pytest.mark.story("INS-45")
@pytest.mark.parametrize("path", ["/", "/catalogue", "/management/licences/add", "/orders", "/nothing"])
def test_every_page_shows_whom_to_ask(portal: Portal, path: str) -> None:
    shop(portal)
    page = manager(portal).open(path, status=404 if path == "/nothing" else 200)
    links = page.links("footer")
    assert links["support@example.org"] == "mailto:support@example.org"
    assert links["+359 2 000 0000"] == "tel:+35920000000"


@pytest.mark.parametrize("path", ["/catalogue", "/management/licences/add", "/orders"])
def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal, path: str) -> None:
    shop(portal, list_orders=Orders(items=[order()]))
    manager(portal, "bg").open(path)
