"""The administrator's pages of dead letters, in front of six services."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.clients.certificates import CertificatesClient
from gateway.clients.identity import IdentityClient
from gateway.clients.licensing import LicensingClient
from gateway.clients.mfa import MfaClient
from gateway.clients.notifications import NotificationsClient
from gateway.clients.orders import OrdersClient
from libs.contracts.dead_letters import (
    DeadLetterDeed,
    DeadLetterKind,
    DeadLetters,
    DeadLettersDealtWith,
    DeadLetterView,
)
from libs.contracts.errors import Conflict, Invalid, Unavailable
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import NOW, StandIn

OVERVIEW = "/work/dead-letters"
ORDERS = f"{OVERVIEW}/orders"
PAID = "orders.order_paid.v1"
NOTHING = DeadLetters(items=[], kinds=[], waiting=0)
CLIENTS = (OrdersClient, LicensingClient, CertificatesClient, NotificationsClient, MfaClient, IdentityClient)


def letter(status: str = "waiting", **changes: Any) -> DeadLetterView:
    return DeadLetterView(
        **{
            "id": uuid4(),
            "queue": "orders.events.heard",
            "type": PAID,
            "subject": str(uuid4()),
            "reason": "given_up",
            "error": "RuntimeError at handlers/pools.py:30 grant",
            "handler": "pools.grant",
            "attempts": 5,
            "first_died_at": NOW,
            "last_died_at": NOW + timedelta(hours=1),
            "status": status,
            "replayable": True,
            "size": 21,
            "sha256": "ab" * 32,
            **changes,
        }
    )


def letters(*items: DeadLetterView, **more: Any) -> DeadLetters:
    kind = DeadLetterKind(reason="given_up", type=PAID, count=len(items), replayable=True, oldest_at=NOW)
    return DeadLetters(**{"items": list(items), "kinds": [kind], "waiting": len(items), **more})


def desk(portal: Portal, language: str = "en", **answers: Any) -> tuple[Visitor, StandIn]:
    """An administrator before services of which only orders gave something up."""
    others = StandIn(list_dead_letters=NOTHING)
    for client in CLIENTS[1:-1]:
        portal.answers(client, others)
    portal.identity.list_dead_letters = others.list_dead_letters  # type: ignore[attr-defined]
    stand_in = StandIn(**answers)
    portal.answers(OrdersClient, stand_in)
    return portal.signed_in(principal("admin"), language), stand_in


def done(count: int = 1, left: int = 0) -> DeadLettersDealtWith:
    return DeadLettersDealtWith(count=count, left=left)


@pytest.mark.parametrize("language", ["bg", "en"])
def test_all_services_are_seen_at_once(portal: Portal, language: str) -> None:
    visitor, _ = desk(portal, language, list_dead_letters=letters(letter(), letter()))
    page = visitor.open(OVERVIEW)
    assert len(page.soup.select("li.tile")) == 6
    assert [row.select_one("td.n").get_text() for row in page.soup.select("tbody tr")] == ["2"]  # type: ignore[union-attr]
    link = str(page.one("tbody th a")["href"])
    assert link == f"{ORDERS}?reason=given_up&type={PAID}"
    visitor.open(link)


def test_nothing_given_up_is_a_clear_page(portal: Portal) -> None:
    visitor, _ = desk(portal, list_dead_letters=NOTHING)
    assert "Every message has reached its handlers" in visitor.open(OVERVIEW).text
    assert "Nothing of this service waits" in visitor.open(ORDERS).text
    assert "No letter of this service is of this kind" in visitor.open(f"{ORDERS}?status=discarded").text


def test_a_service_that_does_not_answer_is_told_and_the_others_are_shown(portal: Portal) -> None:
    visitor, _ = desk(portal, list_dead_letters=letters(letter()))
    portal.answers(LicensingClient, StandIn(list_dead_letters=Unavailable("no_answer")))
    page = visitor.open(OVERVIEW)
    assert "“Licences” does not answer just now" in page.text
    assert len(page.soup.select("li.tile")) == 5
    assert len(page.soup.select("tbody tr")) == 1
    visitor.open(f"{OVERVIEW}/licensing", status=503)


@pytest.mark.parametrize("role", ["clerk", "finance", "official", "manager", "member"])
def test_only_administrators_see_them(portal: Portal, role: str) -> None:
    visitor = portal.signed_in(principal(role))
    for path in (OVERVIEW, ORDERS, f"{ORDERS}/{uuid4()}"):
        visitor.open(path, status=403)
    assert OVERVIEW not in visitor.open("/home").links().values()


def test_a_service_that_there_is_not_is_not_there(portal: Portal) -> None:
    visitor, _ = desk(portal)
    visitor.open(f"{OVERVIEW}/payroll", status=404)


def test_letters_are_filtered_and_paged(portal: Portal) -> None:
    visitor, stand_in = desk(portal, list_dead_letters=letters(letter("replayed"), next_page_token="next~1"))
    page = visitor.open(f"{ORDERS}?status=replayed&reason=given_up&type={PAID}&page_token=some")
    ((asked,), _) = stand_in.told("list_dead_letters")[0]
    assert (asked.status, asked.reason, asked.type, asked.page_token) == ("replayed", "given_up", PAID, "some")
    assert "next~1" in str(page.one("nav.pagination a[rel=next]")["href"])
    assert page.soup.select("input[type=checkbox]") == []
    visitor.open(f"{ORDERS}?status=nonsense")
    assert stand_in.told("list_dead_letters")[1][0][0].status == "waiting"


def test_one_letter_is_shown_with_body_headers_and_history(portal: Portal) -> None:
    history = [DeadLetterDeed(deed="died", done_by="", done_at=NOW, note="given_up pools.grant")]
    one = letter(
        body='{"name":"Анна","a":[1]}',
        body_form="text",
        headers={"cloudEvents_type": PAID, "<b>": "<script>"},
        history=history,
    )
    visitor, _ = desk(portal, get_dead_letter=one)
    page = visitor.open(f"{ORDERS}/{one.id}")
    assert page.one("pre").get_text() == '{\n  "name": "Анна",\n  "a": [\n    1\n  ]\n}'
    assert "<script>" in page.text
    assert "its handler failed at every attempt" in page.text
    assert page.one("tbody th").get_text() == "Given up on"
    assert page.buttons()[-3:] == ["Give back", "Discard", "Back"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"body": "/wA=", "body_form": "base64"}, "Not a text; shown in base64."),
        ({"body": "{no", "body_form": "text", "type": ""}, "{no"),
        ({"replayable": False, "reason": "something_new"}, "can only be discarded"),
        ({"status": "discarded", "note": "Изпратено на ръка."}, "Изпратено на ръка."),
    ],
)
def test_letters_of_every_kind_can_be_looked_at(portal: Portal, changes: dict[str, Any], words: str) -> None:
    one = letter(**changes)
    visitor, _ = desk(portal, get_dead_letter=one)
    page = visitor.open(f"{ORDERS}/{one.id}")
    assert words in page.text
    assert ("Give back" in page.buttons()) == (one.replayable and one.status == "waiting")


def test_one_letter_is_given_back(portal: Portal) -> None:
    one = letter()
    visitor, stand_in = desk(portal, get_dead_letter=one, replay_dead_letters=done())
    page = visitor.send(visitor.open(f"{ORDERS}/{one.id}"))
    assert page.path == f"{ORDERS}/{one.id}"
    assert "1 letter is on its way" in page.text
    ((asked,), _) = stand_in.told("replay_dead_letters")[0]
    assert asked.letter_ids == [one.id]


def test_what_can_never_be_given_back_is_told(portal: Portal) -> None:
    one = letter()
    visitor, _ = desk(portal, get_dead_letter=one, replay_dead_letters=Conflict("cannot_be_replayed"))
    assert "It can only be discarded" in visitor.send(visitor.open(f"{ORDERS}/{one.id}")).text


def test_ticked_letters_are_given_back_and_the_rest_is_told(portal: Portal) -> None:
    several = [letter(), letter(), letter()]
    visitor, stand_in = desk(portal, list_dead_letters=letters(*several), replay_dead_letters=done(1, 1))
    page = visitor.open(ORDERS)
    ticked = [str(one.id) for one in several[:2]]
    page = visitor.send(page, {"letter": [*ticked, "no id"]}, action="replay")
    assert "1 letter is on its way" in page.text
    assert "1 letter was left as it is" in page.text
    ((asked,), _) = stand_in.told("replay_dead_letters")[0]
    assert asked.letter_ids == [UUID(one) for one in ticked]
    assert "Tick at least one letter first." in visitor.send(visitor.open(ORDERS), action="replay").text
    assert len(stand_in.told("replay_dead_letters")) == 1


def test_all_of_a_kind_are_given_back_after_asking(portal: Portal) -> None:
    visitor, stand_in = desk(portal, list_dead_letters=letters(letter(), letter()), replay_dead_letters=done(2))
    page = visitor.open(f"{ORDERS}?reason=given_up&type={PAID}")
    form = {"all": "1", "reason": "given_up", "type": PAID}
    page = visitor.send(page, form, action="replay")
    assert page.heading == "Give back all letters of this kind?"
    assert stand_in.told("replay_dead_letters") == []
    page = visitor.send(page)
    assert "2 letters are on their way" in page.text
    ((asked,), _) = stand_in.told("replay_dead_letters")[0]
    assert (asked.letter_ids, asked.reason, asked.type, asked.all_waiting) == ([], "given_up", PAID, False)


def press(visitor: Visitor, page: Page, words: str, **fields: Any) -> Page:
    """Press a button that sends its form to an address of its own."""
    (button,) = [one for one in page.soup.select("button[formaction]") if one.get_text(strip=True) == words]
    form = button.find_parent("form")
    assert form is not None
    hidden = {str(one["name"]): str(one["value"]) for one in form.select("input[type=hidden]")}
    return Page(visitor.client.post(str(button["formaction"]), data=hidden | fields), visitor.language)


def test_letters_are_discarded_with_a_note_only(portal: Portal) -> None:
    one, other = letter(), letter()
    visitor, stand_in = desk(portal, list_dead_letters=letters(one, other), discard_dead_letters=done(2))
    ticked = [str(one.id), str(other.id)]
    page = press(visitor, visitor.open(ORDERS), "Discard the ticked ones", letter=ticked)
    assert (page.status, page.heading) == (200, "Discard these 2 letters?")
    for typed in ("", " ", "x" * 501):
        page = visitor.send(page, {"note": typed, "letter": ticked}, status=422)
        assert list(page.links("#faults").values()) == ["#note"]
    assert [str(kept["value"]) for kept in page.soup.select("input[name=letter]")] == ticked
    assert "discard_dead_letters" not in [name for name, _, _ in stand_in.asked]
    page = visitor.send(page, {"note": "Изпратено на ръка.", "letter": ticked})
    assert "2 letters are discarded." in page.text
    ((asked,), _) = stand_in.told("discard_dead_letters")[0]
    assert (asked.letter_ids, asked.note) == ([one.id, other.id], "Изпратено на ръка.")


def test_a_note_that_the_service_refuses_is_shown_at_its_field(portal: Portal) -> None:
    one = letter()
    refusal = Invalid.field("note", "not_a_text")
    visitor, _ = desk(portal, get_dead_letter=one, discard_dead_letters=refusal)
    page = press(visitor, visitor.open(f"{ORDERS}/{one.id}"), "Discard")
    assert page.heading == "Discard this letter?"
    page = visitor.send(page, {"note": "."}, status=422)
    assert list(page.links("#faults").values()) == ["#note"]


def test_everything_is_discarded_after_asking(portal: Portal) -> None:
    visitor, stand_in = desk(portal, list_dead_letters=letters(letter(), letter()), discard_dead_letters=done(2))
    page = press(visitor, visitor.open(ORDERS), "Discard them all")
    assert page.heading == "Discard all letters of this kind?"
    visitor.send(page, {"note": "Стара инсталация."})
    ((asked,), _) = stand_in.told("discard_dead_letters")[0]
    assert (asked.letter_ids, asked.all_waiting, asked.note) == ([], True, "Стара инсталация.")
