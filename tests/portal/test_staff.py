"""The operator's desk: orders and their approval, organisations and accounts, messages."""

from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.notifications import NotificationsClient
from gateway.clients.orders import OrdersClient
from libs.contracts.errors import Conflict, Invalid, NotFound
from libs.contracts.identity import IssueAccount, Organisations, People, RegisterOrganisation
from libs.contracts.notifications import Mails
from libs.contracts.orders import Orders
from tests.portal.fakes import principal
from tests.portal.support import Portal, Visitor
from tests.portal.views import NOW, StandIn, mail, order, organisation, person


def desk(portal: Portal, role: str, language: str = "en", **answers: Any) -> tuple[Visitor, StandIn]:
    """Somebody of the staff at a portal with this behaviour of all services."""
    stand_in = StandIn(**answers)
    portal.answers(OrdersClient, stand_in)
    portal.answers(NotificationsClient, stand_in)
    for name in stand_in.answers:
        setattr(portal.identity, name, getattr(stand_in, name))
    return portal.signed_in(principal(role), language), stand_in


# --- orders -----------------------------------------------------------------------------------------------------


def test_all_orders_are_searched_by_number_and_state(portal: Portal) -> None:
    found = Orders(items=[order(), order("paid", invoice_number="0000000001")], next_page_token="next")
    visitor, stand_in = desk(portal, "clerk", list_orders=found)
    page = visitor.open("/work/orders?search=2026&state=paid&page_token=some")
    ((asked,), _) = stand_in.told("list_orders")[0]
    assert (asked.organisation_id, asked.states, asked.search, asked.page_token) == (None, ["paid"], "2026", "some")
    assert "0000000001" in page.text
    assert page.links("nav.pagination") == {
        "To the beginning": "/work/orders?state=paid&search=2026",
        "Show more": "/work/orders?state=paid&search=2026&page_token=next",
    }
    visitor.open("/work/orders?state=nonsense")
    assert stand_in.told("list_orders")[1][0][0].states == []


def test_no_orders_is_a_page(portal: Portal) -> None:
    visitor, _ = desk(portal, "finance", list_orders=Orders(items=[]))
    assert "No orders" in visitor.open("/work/orders").text


@pytest.mark.parametrize("role", ["official", "admin"])
def test_an_official_approves_an_order(portal: Portal, role: str) -> None:
    waiting = order("awaiting_approval")
    visitor, stand_in = desk(
        portal, role, list_orders=Orders(items=[waiting]), get_order=waiting, approve_order=order("approved")
    )
    page = visitor.open(visitor.open("/work/approvals").links("main")["Look and decide"])
    page = visitor.send(page, {"action": "approve"})
    assert page.path == "/work/approvals"
    assert "Order 2026-000147 is approved." in page.text
    assert stand_in.told("approve_order") == [((waiting.id,), {})]


def test_an_official_declines_with_a_reason_only(portal: Portal) -> None:
    waiting = order("awaiting_approval")
    visitor, stand_in = desk(
        portal, "official", list_orders=Orders(items=[]), get_order=waiting, decline_order=order("declined")
    )
    page = visitor.open(f"/work/approvals/{waiting.id}")
    for typed in (" ", "x" * 501):
        page = visitor.send(page, {"action": "decline", "reason": typed}, status=422)
        assert list(page.links("#faults").values()) == ["#reason"]
        assert page.one("#reason").has_attr("aria-invalid")
        assert page.one("details").has_attr("open")
    page = visitor.send(page, {"action": "decline", "reason": "No budget."})
    assert "Order 2026-000147 is declined." in page.text
    assert "Nothing to approve" in page.text
    assert stand_in.told("decline_order") == [((waiting.id, "No budget."), {})]


def test_an_order_that_somebody_else_decided_meanwhile_is_told(portal: Portal) -> None:
    waiting = order("awaiting_approval")
    refusal = Conflict("order_closed")
    answers = {"list_orders": Orders(items=[]), "approve_order": refusal, "decline_order": refusal}
    visitor, stand_in = desk(portal, "official", get_order=waiting, **answers)
    page = visitor.open(f"/work/approvals/{waiting.id}")
    assert "This order is closed." in visitor.send(page, {"action": "approve"}).text
    stand_in.answers["get_order"] = order("approved", id=waiting.id)
    answer = visitor.send(page, {"action": "decline", "reason": ""}, status=422)
    assert "Approve" not in answer.buttons()


def test_an_unknown_order_is_not_there(portal: Portal) -> None:
    visitor, _ = desk(portal, "official", get_order=NotFound())
    visitor.open(f"/work/approvals/{uuid4()}", status=404)


# --- organisations ----------------------------------------------------------------------------------------------

BODY = {"name": "Нова ООД", "number": "831 650 349", "vat_number": " BG831650349 ", "address": "София"}


def test_organisations_are_searched_and_paged(portal: Portal) -> None:
    found = Organisations(items=[organisation()], total=80, next_page_token="next")
    visitor, stand_in = desk(portal, "clerk", list_organisations=found)
    page = visitor.open("/work/organisations?search=Пример&page_token=some")
    assert stand_in.told("list_organisations") == [((), {"search": "Пример", "page_token": "some"})]
    assert page.soup.select_one("tbody th a") is not None
    stand_in.answers["list_organisations"] = Organisations(items=[], total=0)
    assert "Nothing found" in visitor.open("/work/organisations?search=x").text
    assert "No organisations yet" in visitor.open("/work/organisations").text


def test_an_organisation_is_registered_and_its_managers_account_comes_next(portal: Portal) -> None:
    body = organisation(name="Нова ООД")
    visitor, stand_in = desk(portal, "clerk", register_organisation=body, get_organisation=body)
    page = visitor.send(visitor.open("/work/organisations/new"), BODY)
    assert page.path == "/work/accounts/new"
    assert "Нова ООД is registered. Now issue the manager's account." in page.text
    assert [option["value"] for option in page.soup.select("#role option")] == ["manager"]
    ((request,), _) = stand_in.told("register_organisation")[0]
    assert request == RegisterOrganisation(
        name="Нова ООД", number="831650349", vat_number="BG831650349", address="София"
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": ""}, "#name"),
        ({"number": ""}, "#number"),
        ({"number": "12345678901234"}, "#number"),
        ({"address": "x" * 301}, "#address"),
        ({"vat_number": "x" * 21}, "#vat_number"),
    ],
)
def test_a_faulty_organisation_is_told_field_by_field(portal: Portal, change: dict[str, str], fault: str) -> None:
    visitor, stand_in = desk(portal, "clerk")
    page = visitor.send(visitor.open("/work/organisations/new"), BODY | change, status=422)
    assert list(page.links("#faults").values()) == [fault]
    assert page.one(fault).has_attr("aria-invalid")
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("field", "code", "words"),
    [
        ("number", "not_an_organisation_number", "This is not a valid EIK or BULSTAT number."),
        ("number", "taken", "This is already in use."),
        ("vat_number", "not_a_vat_number", "This is not a valid VAT number."),
    ],
)
def test_what_the_register_refuses_stands_beside_its_field(portal: Portal, field: str, code: str, words: str) -> None:
    visitor, _ = desk(portal, "clerk", register_organisation=Invalid.field(field, code))
    page = visitor.send(visitor.open("/work/organisations/new"), BODY, status=422)
    assert page.faults[0].endswith(words)
    assert words in page.one(f"#{field}-fault").get_text()


def test_an_organisation_shows_its_people_page_by_page(portal: Portal) -> None:
    body = organisation()
    people = People(items=[person(roles=["manager"]), person(state="invited")], total=90, next_page_token="next")
    visitor, stand_in = desk(portal, "clerk", get_organisation=body, list_people=people)
    page = visitor.open(f"/work/organisations/{body.id}?page_token=some")
    assert stand_in.told("list_people") == [((body.id,), {"page_size": 50, "page_token": "some"})]
    assert page.links("nav.pagination")["Show more"] == f"/work/organisations/{body.id}?page_token=next"
    links = page.links("main .actions")
    assert links["Issue a manager's account"] == f"/work/accounts/new?organisation={body.id}"
    stand_in.answers["list_people"] = People(items=[], total=0)
    assert "Nobody yet" in visitor.open(f"/work/organisations/{body.id}").text


def test_an_organisation_is_corrected_but_for_its_number(portal: Portal) -> None:
    body = organisation()
    visitor, stand_in = desk(
        portal,
        "clerk",
        get_organisation=body,
        correct_organisation=body,
        list_people=People(items=[], total=0),
    )
    page = visitor.open(f"/work/organisations/{body.id}")
    page = visitor.open(page.links("main")["Correct the data"])
    assert page.soup.select("#number") == []
    assert page.one("#name")["value"] == body.name
    page = visitor.send(page, {"address": " "}, status=422)
    assert list(page.links("#faults").values()) == ["#address"]
    page = visitor.send(page, {"address": "Пловдив", "number": "000000000"})
    assert page.path == f"/work/organisations/{body.id}"
    ((request,), _) = stand_in.told("correct_organisation")[0]
    assert (request.organisation_id, request.name, request.address) == (body.id, body.name, "Пловдив")
    stand_in.answers["correct_organisation"] = Invalid.field("vat_number", "not_a_vat_number")
    page = visitor.send(visitor.open(f"/work/organisations/{body.id}/correct"), status=422)
    assert list(page.links("#faults").values()) == ["#vat_number"]


@pytest.mark.parametrize("end", ["", "/correct"])
def test_an_unknown_organisation_is_not_there(portal: Portal, end: str) -> None:
    visitor, _ = desk(portal, "clerk", get_organisation=NotFound())
    visitor.open(f"/work/organisations/{uuid4()}{end}", status=404)


# --- accounts ---------------------------------------------------------------------------------------------------

SOMEBODY = {"given_name": "Мария", "family_name": "Колева", "email": "m@x.example", "phone": "0888000111"}


@pytest.mark.story("MON-06", "MON-08")
def test_a_clerk_issues_the_account_of_a_manager(portal: Portal) -> None:
    body = organisation()
    visitor, stand_in = desk(
        portal,
        "clerk",
        get_organisation=body,
        issue_account=person(login="m.koleva"),
        list_people=People(items=[], total=0),
    )
    page = visitor.open(f"/work/accounts/new?organisation={body.id}")
    page = visitor.send(page, SOMEBODY | {"login": "m.koleva", "role": "manager", "language": "en"})
    assert page.path == f"/work/organisations/{body.id}"
    assert "The account m.koleva is issued" in page.text
    ((request,), _) = stand_in.told("issue_account")[0]
    assert request == IssueAccount(**SOMEBODY, role="manager", organisation_id=body.id, login="m.koleva", language="en")


def test_a_clerk_gives_no_staff_roles(portal: Portal) -> None:
    body = organisation()
    visitor, stand_in = desk(portal, "clerk", get_organisation=body)
    page = visitor.open("/work/accounts/new")
    assert "Choose the organisation first" in page.text
    assert page.soup.select("#role") == []
    token = page.one("header input[name=csrf_token]")["value"]
    fields = SOMEBODY | {"csrf_token": token, "role": "admin", "language": "bg"}
    assert visitor.client.post("/work/accounts/new", data=fields).status_code == 200
    page = visitor.open(f"/work/accounts/new?organisation={body.id}")
    page = visitor.send(page, fields, status=422)
    assert list(page.links("#faults").values()) == ["#role"]
    assert stand_in.told("issue_account") == []


def test_an_administrator_issues_accounts_of_colleagues(portal: Portal) -> None:
    visitor, stand_in = desk(
        portal, "admin", issue_account=person(), list_organisations=Organisations(items=[], total=0)
    )
    page = visitor.open("/work/accounts/new")
    roles = [option["value"] for option in page.soup.select("#role option")]
    assert roles == ["clerk", "finance", "official", "admin"]
    page = visitor.send(page, SOMEBODY | {"role": "finance", "language": "bg"})
    assert page.path == "/work/organisations"
    assert stand_in.told("issue_account")[0][0][0].organisation_id is None


@pytest.mark.parametrize(
    ("change", "refusal", "fault"),
    [
        ({"given_name": ""}, None, "#given_name"),
        ({"email": ""}, None, "#email"),
        ({"email": "x" * 300}, None, "#email"),
        ({"phone": "1" * 50}, None, "#phone"),
        ({"role": ""}, None, "#role"),
        ({"language": "xx"}, None, "#language"),
        ({}, Invalid.field("email", "taken"), "#email"),
        ({}, Invalid.field("phone", "not_a_phone"), "#phone"),
        ({}, Invalid.field("login", "taken"), "#login"),
    ],
)
def test_a_faulty_account_is_told_field_by_field(
    portal: Portal, change: dict[str, str], refusal: Exception | None, fault: str
) -> None:
    visitor, stand_in = desk(portal, "admin", issue_account=refusal)
    fields = SOMEBODY | {"role": "clerk", "language": "bg"} | change
    page = visitor.send(visitor.open("/work/accounts/new"), fields, status=422)
    assert list(page.links("#faults").values()) == [fault]
    assert page.one(fault).has_attr("aria-invalid")
    assert len(stand_in.told("issue_account")) == (1 if refusal else 0)


@pytest.mark.parametrize("asked", ["nonsense", "01a200b1-e0ec-750f-a0b2-d64381c58c55"])
def test_an_account_for_an_unknown_organisation_is_not_issued(portal: Portal, asked: str) -> None:
    visitor, _ = desk(portal, "admin", get_organisation=NotFound())
    visitor.open(f"/work/accounts/new?organisation={asked}", status=404)


# --- messages ---------------------------------------------------------------------------------------------------


def test_messages_are_searched_and_counted(portal: Portal) -> None:
    items = [mail(), mail("queued"), mail("given_up")]
    visitor, stand_in = desk(
        portal, "clerk", list_mails=Mails(items=items, queued=1, sent=1200, given_up=1, next_page_token="next")
    )
    page = visitor.open("/work/messages?search=anna&state=sent&page_token=some")
    ((asked,), _) = stand_in.told("list_mails")[0]
    assert (asked.state, asked.search, asked.page_token) == ("sent", "anna", "some")
    assert [figure.get_text() for figure in page.soup.select(".figure")] == ["1", "1,200", "1"]
    assert page.links("nav.pagination")["To the beginning"] == "/work/messages?state=sent&search=anna"
    visitor.open("/work/messages?state=nonsense")
    assert stand_in.told("list_mails")[1][0][0].state == ""
    stand_in.answers["list_mails"] = Mails(items=[], queued=0, sent=0, given_up=0)
    assert "No messages" in visitor.open("/work/messages").text


def test_a_message_that_was_given_up_is_sent_again(portal: Portal) -> None:
    lost = mail("given_up", can_resend=True, last_error="550 no such user", attachments=["invoice.pdf"])
    visitor, stand_in = desk(portal, "clerk", get_mail=lost, resend_mail=mail("queued"))
    page = visitor.open(f"/work/messages/{lost.id}")
    assert "550 no such user" in page.text
    assert "The message is in the queue again." in visitor.send(page, action="resend").text
    stand_in.answers["resend_mail"] = Conflict("not_given_up")
    page = visitor.send(visitor.open(f"/work/messages/{lost.id}"), action="resend")
    assert "This message is not given up." in page.text


def test_a_waiting_message_tells_when_it_is_tried_again(portal: Portal) -> None:
    waiting = mail("queued", next_attempt_at=NOW, text=None)
    visitor, _ = desk(portal, "clerk", get_mail=waiting)
    page = visitor.open(f"/work/messages/{waiting.id}")
    assert "Next attempt" in page.text
    assert page.buttons() == ["Work", "Back"]


def test_an_unknown_message_is_not_there(portal: Portal) -> None:
    visitor, _ = desk(portal, "clerk", get_mail=NotFound())
    visitor.open(f"/work/messages/{uuid4()}", status=404)


# --- everybody to their own desk --------------------------------------------------------------------------------

DESKS = {
    "/work/orders": {"clerk", "finance", "official", "admin"},
    "/work/approvals": {"official", "admin"},
    "/work/bank-statements": {"finance", "admin"},
    "/work/payments/unmatched": {"finance", "admin"},
    "/work/organisations": {"clerk", "admin"},
    "/work/accounts/new": {"clerk", "admin"},
    "/work/messages": {"clerk", "admin"},
}


@pytest.mark.parametrize("path", DESKS)
def test_each_desk_is_closed_to_everybody_else(portal: Portal, path: str) -> None:
    for role in {"clerk", "finance", "official", "manager", "member"} - DESKS[path]:
        visitor, stand_in = desk(portal, role)
        assert visitor.open(path, status=403).heading == "You may not open this"
        assert stand_in.asked == []
    assert portal.visitor().open(path).heading == "Sign in"


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    body, waiting, sent = organisation(), order("awaiting_approval"), mail("given_up", can_resend=True)
    visitor, _ = desk(
        portal,
        "admin",
        "bg",
        list_orders=Orders(items=[waiting]),
        get_order=waiting,
        list_organisations=Organisations(items=[body], total=1),
        get_organisation=body,
        list_people=People(items=[person()], total=1),
        list_mails=Mails(items=[sent], queued=0, sent=0, given_up=1),
        get_mail=sent,
    )
    for path in ("/work/orders", "/work/approvals", f"/work/approvals/{waiting.id}", "/work/organisations",
                 "/work/organisations/new", f"/work/organisations/{body.id}", f"/work/organisations/{body.id}/correct",
                 "/work/accounts/new", f"/work/accounts/new?organisation={body.id}", "/work/messages",
                 f"/work/messages/{sent.id}"):  # fmt: skip
        visitor.open(path)
