"""Proformas and invoices: told once, numbered without gaps, readable."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import cv2
import pypdf
import pypdfium2
import pytest
from sqlalchemy import select

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.base import load
from libs.contracts.errors import NotFound
from libs.contracts.identity import OrganisationRegistered
from libs.contracts.orders import GetOrderDocument, InvoiceIssued, OrderPaid, OrderView, PaymentView, ProformaIssued
from services.orders import queries
from services.orders import settings as orders_settings
from services.orders.handlers import documents
from services.orders.model import Invoice, Order
from services.orders.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.builders.orders import LICENCE, TRAINING, Buyer, Shop, manager_of
from tests.support.builders.statements import Transfer, camt


def _work_off(shop: Shop) -> None:
    while documents.issue_proformas(shop.database.open_work) or documents.issue_invoices(shop.database.open_work):
        continue


def _pay(shop: Shop, *orders: OrderView) -> None:
    shop.statement(
        camt(
            [Transfer(amount=order.gross.amount, structured=order.payment.reference) for order in orders],
            statement_id=str(new_id()),
        )
    )


def _hear_payments(shop: Shop) -> None:
    for payload in recorded(shop.database, OrderPaid):
        deliver(shop.database, SUBSCRIPTIONS, load(OrderPaid, payload))


def _pdf(shop: Shop, buyer: Buyer, order: OrderView, kind: str) -> bytes:
    with shop.database.open_work(principal=buyer.manager) as work:
        document = queries.get_order_document(work, GetOrderDocument(order_id=order.id, kind=kind))
    content = orders_settings.store().read(document.key)
    assert len(content) == document.size
    return content


def _text(content: bytes) -> str:
    # The grouping space of amounts is a narrow one that does not break.
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages).split())


@pytest.mark.story("INS-04", "INS-05")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("bg", ["ПРОФОРМА", "Плащане по банков път", "259,20 €", "не е данъчна фактура", "Поддържащо обучение"]),
        ("en", ["PRO FORMA", "Pay by bank transfer", "259.20 €", "not a tax invoice", "Maintenance training"]),
    ],
)
def test_proforma_says_how_to_pay(shop: Shop, language: str, words: list[str]) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer, (TRAINING, 3), (LICENCE, 2), language=language)
    _work_off(shop)
    text = _text(_pdf(shop, buyer, order, "proforma"))
    reference = order.payment.reference
    grouped = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))
    for word in (*words, order.number, "BG80 BNBG 9661 1020 3456 78", "BNBGBGSD", grouped, buyer.name, "831650349"):
        assert word in text, word
    [told] = recorded(shop.database, ProformaIssued)
    payment = load(PaymentView, told["payment"])
    assert payment == order.payment
    assert told["placed_by"] == str(buyer.manager.account_id)
    assert shop.look(order).has_proforma


def test_bank_app_reads_the_code_on_the_proforma(shop: Shop) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    _work_off(shop)
    content = _pdf(shop, buyer, order, "proforma")
    image = pypdfium2.PdfDocument(content)[0].render(scale=4, grayscale=True).to_numpy()
    read, *_ = cv2.QRCodeDetector().detectAndDecode(image)
    assert read == order.payment.epc
    assert read.splitlines() == [
        "BCD", "002", "1", "SCT", "BNBGBGSD", "Ucheben tsentar Primer EOOD", "BG80BNBG96611020345678", "EUR57.60", "",
        order.payment.reference,
    ]  # fmt: skip


@pytest.mark.story("INS-08")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "bg",
            ["ФАКТУРА", "ОРИГИНАЛ", "Данъчна основа", "57,60 €", "Доставчик", "Получател", "20%", "Мария Примерова"],
        ),
        ("en", ["INVOICE", "ОРИГИНАЛ / ORIGINAL", "Tax base", "57.60 €", "Supplier", "Recipient", "20%"]),
    ],
)
def test_paid_order_gets_an_invoice_with_all_the_law_asks(shop: Shop, language: str, words: list[str]) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer, language=language)
    _pay(shop, order)
    _hear_payments(shop)
    _work_off(shop)
    text = _text(_pdf(shop, buyer, order, "invoice"))
    for word in (*words, "0000000001", "BG175074752", "BG831650349", "831650349", order.number):
        assert word in text, word
    [told] = recorded(shop.database, InvoiceIssued)
    assert (told["invoice_number"], told["total"]["amount"]) == ("0000000001", "57.60")
    assert told["document"]["filename"] == "invoice-0000000001.pdf"
    view = shop.look(order)
    assert (view.invoice_number, view.has_invoice) == ("0000000001", True)


def test_documents_are_kept_as_pdf_a_with_their_letters_inside(shop: Shop) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    _work_off(shop)
    content = _pdf(shop, buyer, order, "proforma")
    assert b"pdfaid" in content or b"pdfaid" in (pypdf.PdfReader(io.BytesIO(content)).xmp_metadata.stream.get_data())
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in pypdf.PdfReader(io.BytesIO(content)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all("Inter" in font for font in fonts)


@pytest.mark.story("INS-10")
def test_same_payment_heard_twice_gives_one_invoice(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    _pay(shop, order)
    _hear_payments(shop)
    _hear_payments(shop)
    _work_off(shop)
    with shop.database.sessions() as session:
        assert session.scalars(select(Invoice.number)).all() == ["0000000001"]
    assert len(recorded(shop.database, InvoiceIssued)) == 1


def test_hundred_parallel_payments_get_consecutive_numbers_through_a_rollback(shop: Shop) -> None:
    buyer = shop.buyer()
    orders = [shop.order(buyer) for _ in range(100)]
    _pay(shop, *orders)
    events = [load(OrderPaid, payload) for payload in recorded(shop.database, OrderPaid)]
    assert len(events) == 100
    ready = threading.Barrier(10)

    class Refused(Exception):
        """What makes a transaction roll back after it took its number."""

    def take_a_number_and_fail(event: OrderPaid) -> None:
        with shop.database.open_work() as work:
            documents.issue_invoice(work, event)
            work.session.flush()
            raise Refused

    def issue(index: int) -> None:
        if index < 10:
            ready.wait(timeout=10)
        if index % 7 == 0:
            with pytest.raises(Refused):
                take_a_number_and_fail(events[index])
        with shop.database.open_work() as work:
            documents.issue_invoice(work, events[index])

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(issue, range(100)))
    with shop.database.sessions() as session:
        numbers = sorted(session.scalars(select(Invoice.number)))
    assert numbers == [f"{number:010d}" for number in range(1, 101)]


def test_proforma_waits_until_the_buyer_is_known(shop: Shop) -> None:
    organisation_id = new_id()
    buyer = Buyer(organisation_id=organisation_id, name="Късна фирма ООД", manager=manager_of(organisation_id))
    order = shop.order(buyer)
    _work_off(shop)
    assert not shop.look(order).has_proforma
    event = OrganisationRegistered(
        organisation_id=organisation_id,
        name=buyer.name,
        number="121699202",
        vat_number="",
        address="Пловдив",
        country="BG",
    )
    deliver(shop.database, SUBSCRIPTIONS, event)
    _work_off(shop)
    assert "Късна фирма ООД" in _text(_pdf(shop, buyer, order, "proforma"))


def test_invoice_keeps_the_buyers_name_of_its_day(shop: Shop) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    _pay(shop, order)
    _hear_payments(shop)
    changed = OrganisationRegistered(
        organisation_id=buyer.organisation_id,
        name="Ново име ООД",
        number="831650349",
        vat_number="",
        address="София",
        country="BG",
    )
    deliver(shop.database, SUBSCRIPTIONS, changed, sequence=2)
    deliver(shop.database, SUBSCRIPTIONS, replace(changed, name="Старо име ООД"), sequence=1)
    _work_off(shop)
    assert buyer.name in _text(_pdf(shop, buyer, order, "invoice"))
    assert shop.look(order).organisation_name == "Ново име ООД"


def test_document_that_was_stored_but_not_told_is_told_by_the_next_worker(
    shop: Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.order(shop.buyer())
    _pay(shop, order)
    _hear_payments(shop)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(documents, "_tell_invoice", killed)
        with pytest.raises(KeyboardInterrupt):
            documents.issue_invoices(shop.database.open_work)
    assert documents.issue_invoices(shop.database.open_work) is False
    clock.advance(timedelta(minutes=3))
    _work_off(shop)
    assert len(recorded(shop.database, InvoiceIssued)) == 1
    assert shop.look(order).has_invoice


def test_proforma_of_an_order_paid_meanwhile_is_kept_but_not_told(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    _pay(shop, order)
    _work_off(shop)
    assert recorded(shop.database, ProformaIssued) == []
    with shop.database.sessions() as session:
        assert session.get_one(Order, order.id).proforma_wanted is False


def test_document_that_is_not_made_yet_is_not_found(shop: Shop) -> None:
    buyer = shop.buyer()
    order = shop.order(buyer)
    for kind in ("proforma", "invoice"):
        with pytest.raises(NotFound), shop.database.open_work(principal=buyer.manager) as work:
            queries.get_order_document(work, GetOrderDocument(order_id=order.id, kind=kind))
