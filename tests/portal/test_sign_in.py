"""Signing in, step by step and in every way it can end."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from gateway.security.tokens import digest
from libs.contracts.errors import RateLimited, Unavailable
from libs.contracts.identity import SignInSettled
from tests.portal.support import Page, Portal, Visitor


def enter(visitor: Visitor, portal: Portal, password: str | None = None, path: str = "/sign-in", **kwargs: int) -> Page:
    """Send name and password."""
    fields = {"login": portal.identity.login, "password": password or portal.identity.password}
    return visitor.send(visitor.open(path), fields, **kwargs)


def the_attempt(portal: Portal) -> UUID:
    """The attempt that was begun last."""
    return list(portal.identity.attempts)[-1]


@pytest.fixture
def known(portal: Portal) -> Portal:
    """A portal whose account has already chosen its password."""
    portal.identity.issued = False
    return portal


@pytest.mark.story("MON-07")
def test_the_sign_in_button_opens_a_form_with_name_and_password(portal: Portal) -> None:
    visitor = portal.visitor()
    page = visitor.open(visitor.open("/").links("main")["Sign in"])
    assert [label.get_text(strip=True) for label in page.soup.select("main label")] == ["User name", "Password"]


@pytest.mark.story("MON-15")
def test_a_wrong_name_and_a_wrong_password_get_the_very_same_page(known: Portal) -> None:
    def answer(fields: dict[str, str]) -> str:
        visitor = known.visitor()
        page = visitor.send(visitor.open("/sign-in"), fields, status=422)
        return re.sub(r'value="[^"]*"|[0-9a-f-]{36}', "", page.response.get_data(as_text=True))

    wrong_name = answer({"login": "somebody", "password": known.identity.password})
    assert wrong_name == answer({"login": known.identity.login, "password": "wrong"})
    assert "The name or the password is not right." in wrong_name
    assert not known.identity.attempts


@pytest.mark.story("MON-15")
def test_an_empty_form_names_its_fields_and_asks_nobody(portal: Portal) -> None:
    visitor = portal.visitor()
    page = visitor.send(visitor.open("/sign-in"), {"login": "", "password": ""}, status=422)
    assert page.faults == ["User name: Please fill this in.", "Password: Please fill this in."]
    assert portal.identity.asked == []


def test_what_was_typed_stays_but_never_the_password(known: Portal) -> None:
    visitor = known.visitor()
    page = visitor.send(visitor.open("/sign-in"), {"login": "m.ivanova ", "password": "wrong"}, status=422)
    assert page.one("#login")["value"] == "m.ivanova"
    assert not page.one("#password").get("value")


@pytest.mark.story("MON-09", "MON-13")
def test_the_issued_password_leads_to_the_change_and_to_nothing_else(portal: Portal) -> None:
    visitor = portal.visitor()
    page = enter(visitor, portal)
    assert page.heading == "Choose a new password"
    assert visitor.cookie("session") is None
    for path in ("/home", "/management", "/account"):
        assert visitor.open(path).heading == "Sign in"
    assert visitor.open(f"/sign-in/{the_attempt(portal)}").heading == "Choose a new password"


@pytest.mark.story("MON-12")
def test_the_new_password_is_entered_twice_and_can_be_shown(portal: Portal) -> None:
    visitor = portal.visitor()
    page = enter(visitor, portal)
    assert len(page.soup.select("[data-reveal]")) == 2
    page = visitor.send(page, {"new_password": "four plain words here", "repeated": "four plain word here"}, status=422)
    assert page.faults == ["New password once more: The two passwords differ. Enter them again."]
    assert portal.identity.issued


@pytest.mark.story("MON-12")
def test_the_issued_password_cannot_be_the_new_one(portal: Portal) -> None:
    visitor, issued = portal.visitor(), portal.identity.password
    page = visitor.send(enter(visitor, portal), {"new_password": issued, "repeated": issued}, status=422)
    assert page.faults == ["New password: The new password must differ from the one that you received."]


@pytest.mark.story("MON-14", "MON-21", "MON-22", "MON-23")
def test_after_the_change_the_waiting_page_tells_what_to_do_and_how_long(portal: Portal) -> None:
    visitor = portal.visitor()
    changed = {"new_password": "four plain words here", "repeated": "four plain words here"}
    page = visitor.send(enter(visitor, portal), changed)
    assert page.heading == "Waiting for your confirmation"
    assert "We sent a request to the device with which you registered in Evrotrust" in page.text
    assert "If no confirmation arrives within 5 minutes, the request is rejected" in page.text
    assert page.one(".code").get_text(" ", strip=True) == "Code 47"
    assert page.one("[data-countdown]").get_text() in {"5:00", "4:59"}
    assert page.buttons() == ["Cancel and home", "It is not me"]


@pytest.mark.story("MON-27")
def test_without_scripts_the_waiting_page_asks_again_by_itself(known: Portal) -> None:
    page = enter(known.visitor(), known)
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in page.response.text


@pytest.mark.story("MON-27", "MON-28", "MON-39")
def test_a_confirmed_sign_in_is_let_in_and_shows_the_way_into_the_portal(known: Portal) -> None:
    visitor = known.visitor()
    waiting = enter(visitor, known)
    known.identity.set(the_attempt(known), "approved")
    page = visitor.open(waiting.path)
    assert page.heading == "You are signed in"
    assert page.buttons() == ["Enter the portal"]
    assert visitor.open(page.links("main")["Enter the portal"]).heading == "Welcome, Мария Иванова"


def test_the_session_and_the_browser_are_secrets_of_which_services_see_digests_only(known: Portal) -> None:
    visitor = known.visitor()
    waiting = enter(visitor, known)
    browser = visitor.cookie("browser")
    assert known.identity.attempts[the_attempt(known)][0] == digest(browser.value)
    known.identity.set(the_attempt(known), "approved")
    visitor.open(waiting.path)
    session = visitor.cookie("session")
    assert list(known.identity.sessions) == [digest(session.value)]
    assert session.http_only
    assert session.same_site == "Lax"
    assert session.expires is None
    assert visitor.cookie("browser") is None


def test_with_tls_the_cookies_are_bound_to_this_very_host(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal = make_portal(PUBLIC_URL="https://portal.example.org")
    answer = portal.app.test_client().get("/sign-in", base_url="https://portal.example.org")
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-browser=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.story("MON-37")
def test_another_browser_gets_neither_the_session_nor_the_code(known: Portal) -> None:
    path = enter(known.visitor(), known).path
    known.identity.set(the_attempt(known), "approved")
    stranger = known.visitor()
    stranger.open("/sign-in")
    page = stranger.open(path, status=404)
    assert page.heading == "This sign-in does not belong to this browser"
    assert stranger.cookie("session") is None
    assert stranger.client.get(f"{path}/events").status_code == 404


@pytest.mark.story("MON-36")
def test_one_approval_opens_one_session(known: Portal) -> None:
    visitor = known.visitor()
    path = enter(visitor, known).path
    known.identity.set(the_attempt(known), "completed")
    page = visitor.open(path)
    assert page.heading == "This sign-in has been used already"
    assert visitor.cookie("session") is None


def the_end(portal: Portal, state: str, status: int = 200) -> tuple[Page, Visitor]:
    """The page of a sign-in that ended like this."""
    visitor = portal.visitor()
    path = enter(visitor, portal).path
    portal.identity.set(the_attempt(portal), state, retry_at=datetime.now(UTC) + timedelta(minutes=10))
    return visitor.open(path, status=status), visitor


@pytest.mark.story("MON-16", "MON-17", "MON-18", "MON-19", "MON-03")
def test_who_is_not_in_the_phone_app_reads_so_and_is_shown_home(known: Portal) -> None:
    known.identity.registered = False
    visitor = known.visitor()
    page = enter(visitor, known)
    assert page.heading == "This user does not exist in Evrotrust"
    assert "The user name with which you want to sign in is not registered in Evrotrust" in page.text
    assert "instructions how to register are on the start page" in page.text
    assert page.links("main") == {"Home": "/"}
    assert visitor.cookie("session") is None


@pytest.mark.story("MON-30", "MON-31", "MON-32")
def test_an_expired_request_says_so_and_leads_home(known: Portal) -> None:
    page, _ = the_end(known, "expired")
    assert page.heading == "The request has expired"
    assert "was not confirmed within the allowed five minutes" in page.text
    assert "You can begin again from the start page" in page.text
    assert page.links("main") == {"Home": "/"}


@pytest.mark.story("MON-30")
def test_the_expired_page_shows_at_the_minute_even_where_nobody_has_settled_it_yet(known: Portal) -> None:
    visitor = known.visitor()
    path = enter(visitor, known).path
    known.identity.set(the_attempt(known), "awaiting_factor", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert visitor.open(path).heading == "The request has expired"


@pytest.mark.story("MON-33")
def test_after_expiry_only_name_and_password_begin_again(known: Portal) -> None:
    page, visitor = the_end(known, "expired")
    assert visitor.open(page.path).heading == "The request has expired"
    assert visitor.open("/home").heading == "Sign in"


@pytest.mark.story("MON-35")
@pytest.mark.parametrize(
    ("state", "heading", "status"),
    [
        ("refused", "You refused the request", 200),
        ("unavailable", "Evrotrust does not answer just now", 503),
        ("withheld", "No request was sent to your phone", 200),
        ("cancelled", "The sign-in was cancelled", 200),
        ("something new", "Evrotrust does not answer just now", 503),
    ],
)
def test_every_other_end_has_its_own_page_without_a_session(
    known: Portal, state: str, heading: str, status: int
) -> None:
    page, visitor = the_end(known, state, status)
    assert page.heading == heading
    assert page.links("main") == {"Home": "/"}
    assert visitor.cookie("session") is None


def test_a_withheld_request_says_when_to_try_again(known: Portal) -> None:
    page, _ = the_end(known, "withheld")
    assert re.search(r"You can try again after \d\d:\d\d\.", page.text)


def test_cancelling_ends_the_request_and_goes_home(known: Portal) -> None:
    visitor = known.visitor()
    page = visitor.send(enter(visitor, known), {"reason": "cancelled"}, action="/cancel")
    assert page.path == "/"
    assert "cancel_sign_in cancelled" in known.identity.asked


def test_saying_that_it_is_not_me_ends_the_request_and_tells_what_to_do(known: Portal) -> None:
    visitor = known.visitor()
    page = visitor.send(enter(visitor, known), {"reason": "not_me"}, action="/cancel")
    assert page.heading == "The sign-in was cancelled"
    assert "somebody else knows your password" in page.text
    assert "cancel_sign_in not_me" in known.identity.asked


def test_the_push_tells_the_waiting_page_when_it_is_settled(known: Portal) -> None:
    visitor = known.visitor()
    path = enter(visitor, known).path
    answer = visitor.client.get(f"{path}/events", buffered=False)
    assert answer.mimetype == "text/event-stream"
    lines = iter(answer.response)
    assert next(lines) == b"retry: 3000\n\n"
    assert next(lines) == b": waiting\n\n"
    attempt = the_attempt(known)
    known.identity.set(attempt, "approved")
    known.bus.tell(SignInSettled(sign_in_id=attempt, account_id=uuid4(), state="approved"))
    assert list(lines) == [b"event: settled\ndata: {}\n\n"]
    answer.close()


def test_one_stream_too_many_is_refused_and_a_closed_one_makes_room(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal = make_portal(GATEWAY_STREAMS="1")
    portal.identity.issued = False
    visitor = portal.visitor()
    path = enter(visitor, portal).path
    first = visitor.client.get(f"{path}/events", buffered=False)
    assert visitor.client.get(f"{path}/events").status_code == 503
    first.close()
    third = visitor.client.get(f"{path}/events", buffered=False)
    assert third.status_code == 200
    third.close()


def test_signing_in_goes_back_to_the_page_that_was_wanted(known: Portal) -> None:
    visitor = known.visitor()
    page = visitor.open("/account?from=mail")
    assert page.heading == "Sign in"
    waiting = visitor.send(page, {"login": known.identity.login, "password": known.identity.password})
    known.identity.set(the_attempt(known), "approved")
    done = visitor.open(f"{waiting.path}?{waiting.response.request.query_string.decode()}")
    assert done.links("main") == {"Enter the portal": "/account?from=mail"}


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/nowhere",
        "/sign-in",
        "/home\nx",
    ],
)
def test_a_foreign_address_is_never_gone_to(known: Portal, address: str) -> None:
    visitor = known.visitor()
    page = visitor.open("/sign-in", query_string={"next": address})
    waiting = visitor.send(page, {"login": known.identity.login, "password": known.identity.password})
    known.identity.set(the_attempt(known), "approved")
    done = visitor.open(f"{waiting.path}?{waiting.response.request.query_string.decode()}")
    assert done.links("main") == {"Enter the portal": "/home"}


def test_too_many_tries_from_one_address_have_to_wait(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal = make_portal(GATEWAY_SIGN_INS_PER_MINUTE="2")
    visitor = portal.visitor()
    for _ in range(2):
        enter(visitor, portal, "wrong", status=422)
    page = enter(visitor, portal, "wrong", status=429)
    assert page.heading == "Too many attempts"
    assert int(page.response.headers["Retry-After"]) in range(1, 31)


def test_a_delay_that_identity_demands_is_told_on_the_form(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RateLimited(retry_after=30)

    monkeypatch.setattr(portal.identity, "begin_sign_in", refuse)
    assert enter(portal.visitor(), portal, status=422).faults == [
        "Too many attempts. Please wait a little. Try again in 30 seconds."
    ]


def test_identity_out_of_reach_is_told_as_such(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(portal.identity, "begin_sign_in", refuse)
    page = enter(portal.visitor(), portal, status=503)
    assert page.heading == "Please try again in a minute"
    assert page.response.headers["Retry-After"] == "5"


@pytest.mark.story("MON-38")
def test_the_password_alone_never_gives_a_session(known: Portal) -> None:
    visitor = known.visitor()
    enter(visitor, known)
    assert visitor.cookie("session") is None
    assert known.identity.sessions == {}
