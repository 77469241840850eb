"""Finance's desk: bank statements and the transfers in them."""

import io
from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.orders import OrdersClient
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.orders import BankStatements, BankTransactions
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import StandIn, statement, then, transaction

NONE_YET = BankStatements(items=[])
UPLOADS = "/work/bank-statements"


def till(portal: Portal, language: str = "en", **answers: Any) -> tuple[Visitor, StandIn]:
    """Finance at a portal with this behaviour of the orders service."""
    stand_in = StandIn(**{"list_bank_statements": NONE_YET} | answers)
    portal.answers(OrdersClient, stand_in)
    return portal.signed_in(principal("finance"), language), stand_in


def file(content: bytes = b"<Document/>", name: str = "march.xml") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def upload(visitor: Visitor, page: Page, status: int = 200, **fields: Any) -> Page:
    return visitor.send(page, fields, status=status, content_type="multipart/form-data")


def transfers(*items: Any, token: str | None = None) -> BankTransactions:
    return BankTransactions(items=list(items), total=len(items), next_page_token=token)


def test_an_uploaded_file_is_kept_and_its_import_followed(portal: Portal) -> None:
    reading = statement("reading")
    visitor, stand_in = till(portal, import_bank_statement=reading, get_bank_statement=reading)
    page = upload(visitor, visitor.open(UPLOADS), file=file(name="C:\\bank\\march.xml"))
    assert page.path == f"/work/bank-statements/{reading.id}"
    ((key, filename, size), _) = stand_in.told("import_bank_statement")[0]
    assert filename.endswith("march.xml")
    assert size == 11
    assert key.startswith("uploads/")
    assert portal.app.extensions["documents"].read(key) == b"<Document/>"
    assert page.one("[data-live]")["data-live"] == f"{page.path}/events"
    assert page.one("noscript meta")["http-equiv"] == "refresh"
    assert "9 bookings read so far." in page.text


def test_the_same_form_sent_twice_tells_the_same_deed_about_the_same_file(portal: Portal) -> None:
    reading = statement("reading")
    visitor, stand_in = till(portal, import_bank_statement=reading, get_bank_statement=reading)
    page = visitor.open(UPLOADS)
    upload(visitor, page, file=file())
    upload(visitor, page, file=file())
    first, second = stand_in.told("import_bank_statement")
    assert first == second
    page = upload(visitor, page, status=409, file=file(b"another file"))
    assert "This form was sent before with other data." in page.text
    assert len(stand_in.told("import_bank_statement")) == 2


@pytest.mark.parametrize("fields", [{}, {"file": (io.BytesIO(b""), "")}])
def test_no_file_is_told_beside_the_field(portal: Portal, fields: dict[str, Any]) -> None:
    visitor, stand_in = till(portal)
    page = upload(visitor, visitor.open(UPLOADS), 422, **fields)
    assert page.links("#faults") == {"Please fill this in.": "#file"}
    assert "file-fault" in str(page.one("#file")["aria-describedby"])
    assert stand_in.told("import_bank_statement") == []


def test_a_file_larger_than_anything_is_refused(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_UPLOAD_LIMIT="5000")
    visitor, stand_in = till(portal)
    page = upload(visitor, visitor.open(UPLOADS), 413, file=file(b"x" * 6000))
    assert "What you sent is too large." in page.text
    assert stand_in.told("import_bank_statement") == []


def test_earlier_statements_are_listed(portal: Portal) -> None:
    found = BankStatements(items=[statement(), statement("failed"), statement("matching")], next_page_token="next")
    visitor, _ = till(portal, list_bank_statements=found)
    page = visitor.open(f"{UPLOADS}?page_token=some")
    badges = [badge.get_text(strip=True) for badge in page.soup.select("tbody .badge")]
    assert badges == ["Done", "Not taken in", "Under way, 40 %"]
    assert page.links("nav.pagination") == {"To the beginning": UPLOADS, "Show more": f"{UPLOADS}?page_token=next"}


def test_a_finished_import_shows_what_came_of_it(portal: Portal) -> None:
    matched = transaction(state="matched", order_id=uuid4(), order_number="2026-000147", why=None)
    aside = transaction(state="discarded", why=None, payer_name="")
    waiting = transaction()
    visitor, stand_in = till(
        portal, get_bank_statement=statement(), list_bank_transactions=transfers(matched, aside, waiting, token="next")
    )
    done = uuid4()
    page = visitor.open(f"{UPLOADS}/{done}?page_token=some")
    assert [figure.get_text() for figure in page.soup.select(".figure")] == ["6", "1", "2", "0"]
    links = page.links("tbody")
    assert links["2026-000147"] == f"/orders/{matched.order_id}"
    assert links["no payment reason"] == f"/work/payments/{waiting.id}/match"
    assert "set aside" in page.text
    assert "To the beginning" in page.links("nav.pagination")
    ((asked,), _) = stand_in.told("list_bank_transactions")[0]
    assert (asked.state, asked.statement_id, asked.page_token) == ("", done, "some")


@pytest.mark.parametrize(
    ("reason", "params", "words"),
    [
        ("not_a_statement", {}, "This is not a bank statement we can read."),
        ("malformed", {"line": "17"}, "The file is damaged near line 17."),
        ("malformed", {}, "The file is damaged near line ?."),
        ("truncated", {}, "The file ends too early."),
        ("forbidden_entity", {}, "The file holds things that do not belong in a bank statement"),
        ("too_large", {}, "The file is larger than we accept"),
        ("wrong_currency", {}, "The statement is in another currency than our account."),
        ("unknown_account", {}, "The statement is of an account that is not ours."),
        ("internal", {}, "through a fault of ours"),
        ("something_new", {}, "This is not a bank statement we can read."),
    ],
)
def test_a_refused_file_says_why_in_a_clerks_words(
    portal: Portal, reason: str, params: dict[str, str], words: str
) -> None:
    failed = statement("failed", reason=reason, reason_params=params)
    visitor, _ = till(portal, get_bank_statement=failed)
    page = visitor.open(f"{UPLOADS}/{failed.id}")
    assert words in page.text
    assert "Nothing of this file was counted." in page.text
    assert page.soup.select("[data-live], noscript meta") == []


def test_the_page_of_an_import_is_told_its_end(portal: Portal) -> None:
    reading = statement("reading")
    visitor, _ = till(portal, get_bank_statement=then(reading, reading, statement()))
    answer = visitor.client.get(f"{UPLOADS}/{reading.id}/events")
    assert answer.mimetype == "text/event-stream"
    assert answer.get_data(as_text=True).endswith("event: settled\ndata: {}\n\n")


def test_transfers_that_wait_are_listed_with_the_reason(portal: Portal) -> None:
    reasons = ("no_reference", "unknown_reference", "order_closed", "already_paid", "wrong_currency", "ambiguous")
    items = [transaction(why=why) for why in (*reasons, "collective")]
    visitor, stand_in = till(portal, list_bank_transactions=transfers(*items, token="next"))
    page = visitor.open("/work/payments/unmatched?search=ЗЕНИТ&page_token=some")
    badges = [badge.get_text(strip=True) for badge in page.soup.select("tbody .badge")]
    assert len(set(badges)) == 7
    assert all(badges)
    ((asked,), _) = stand_in.told("list_bank_transactions")[0]
    assert (asked.state, asked.search, asked.page_token) == ("unmatched", "ЗЕНИТ", "some")
    stand_in.answers["list_bank_transactions"] = transfers()
    assert "Nothing to look at" in visitor.open("/work/payments/unmatched").text


def test_a_transfer_is_counted_towards_an_order_by_hand(portal: Portal) -> None:
    found = transaction()
    visitor, stand_in = till(
        portal,
        list_bank_transactions=transfers(found),
        match_bank_transaction=transaction(state="matched", order_number="2026-000147"),
    )
    page = visitor.open(f"/work/payments/{found.id}/match")
    assert "Perhaps: 2026-000147" in page.text
    assert stand_in.told("list_bank_transactions")[0][0][0].transaction_id == found.id
    page = visitor.send(page, {"order_number": " 2026-000147 "})
    assert "The transfer is counted towards order 2026-000147." in page.text
    assert stand_in.told("match_bank_transaction") == [((found.id, "2026-000147"), {})]


@pytest.mark.parametrize(
    ("typed", "refusal", "words"),
    [
        ("", None, "Please fill this in."),
        ("x" * 31, None, "This is too long."),
        ("2026-9", Invalid.field("order_number", "unknown_order"), "There is no order with this number."),
        ("2026-9", Invalid.field("order_number", "order_not_found"), "There is no order with this number."),
    ],
)
def test_a_wrong_order_number_is_told_beside_it(
    portal: Portal, typed: str, refusal: Exception | None, words: str
) -> None:
    found = transaction()
    visitor, _ = till(portal, list_bank_transactions=transfers(found), match_bank_transaction=refusal)
    page = visitor.open(f"/work/payments/{found.id}/match")
    page = visitor.send(page, {"order_number": typed}, status=422)
    assert page.links("#faults") == {f"Order number: {words}": "#order_number"}
    assert words in page.one("#order_number-fault").get_text()
    assert page.one("#order_number")["value"] == typed


def test_a_transfer_that_somebody_else_dealt_with_is_told(portal: Portal) -> None:
    found = transaction()
    refusal = Conflict("transaction_not_unmatched")
    visitor, _ = till(
        portal,
        list_bank_transactions=transfers(found),
        match_bank_transaction=refusal,
        discard_bank_transaction=refusal,
    )
    page = visitor.open(f"/work/payments/{found.id}/match")
    page = visitor.send(page, {"order_number": "2026-000147"}, status=422)
    assert page.faults == ["Somebody has dealt with this transfer already."]
    page = visitor.send(visitor.open(f"/work/payments/{found.id}/discard"), {"note": "rent"}, status=422)
    assert page.faults == ["Somebody has dealt with this transfer already."]


def test_a_transfer_is_set_aside_with_a_note_only(portal: Portal) -> None:
    found = transaction(payer_iban="", why=None)
    visitor, stand_in = till(
        portal, list_bank_transactions=transfers(found), discard_bank_transaction=transaction(state="discarded")
    )
    page = visitor.open(f"/work/payments/{found.id}/discard")
    page = visitor.send(page, {"note": " "}, status=422)
    assert list(page.links("#faults").values()) == ["#note"]
    page = visitor.send(page, {"note": "Наем"})
    assert "The transfer is set aside." in page.text
    assert stand_in.told("discard_bank_transaction") == [((found.id, "Наем"), {})]


@pytest.mark.parametrize("deed", ["match", "discard"])
def test_a_transfer_that_does_not_wait_is_not_there(portal: Portal, deed: str) -> None:
    visitor, _ = till(portal, list_bank_transactions=transfers())
    visitor.open(f"/work/payments/{uuid4()}/{deed}", status=404)


@pytest.mark.parametrize("end", ["", "/events"])
def test_an_unknown_statement_is_not_there(portal: Portal, end: str) -> None:
    visitor, _ = till(portal, get_bank_statement=NotFound())
    visitor.open(f"{UPLOADS}/{uuid4()}{end}", status=404)


def test_the_home_page_of_finance_leads_to_the_queue(portal: Portal) -> None:
    visitor, stand_in = till(portal, list_bank_transactions=BankTransactions(items=[], total=3))
    links = visitor.open("/home").links("main")
    assert links["3 transfers wait for you."] == "/work/payments/unmatched"
    assert links["Upload a bank statement"] == UPLOADS
    stand_in.answers["list_bank_transactions"] = transfers()
    assert "Every incoming transfer has found its order." in visitor.open("/home").text


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    visitor, stand_in = till(
        portal,
        "bg",
        list_bank_statements=BankStatements(items=[statement()]),
        get_bank_statement=statement(),
        list_bank_transactions=transfers(transaction()),
    )
    for path in (UPLOADS, f"{UPLOADS}/{uuid4()}", "/work/payments/unmatched", f"/work/payments/{uuid4()}/match",
                 f"/work/payments/{uuid4()}/discard"):  # fmt: skip
        visitor.open(path)
    stand_in.answers["get_bank_statement"] = statement("failed", reason="malformed")
    visitor.open(f"{UPLOADS}/{uuid4()}")
