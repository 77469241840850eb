"""One's own account."""

from uuid import uuid4

from libs.contracts.errors import Unavailable
from libs.contracts.identity import SessionEnded
from tests.portal.fakes import principal
from tests.portal.support import Portal


def test_the_account_page_shows_the_data_and_every_browser(portal: Portal) -> None:
    page = portal.signed_in(principal("manager")).open("/account")
    assert "maria@example.org" in page.text
    rows = [" ".join(row.get_text(" ").split()) for row in page.soup.select("tbody tr")]
    assert rows[0].startswith("Firefox, Windows")
    assert rows[0].endswith("this browser")
    assert "Chrome, Android" in rows[1]
    assert "Sign out" in rows[1]


def test_another_browser_can_be_signed_out(portal: Portal) -> None:
    visitor = portal.signed_in(principal("manager"))
    page = visitor.send(visitor.open("/account"), action="/end")
    assert "That browser is signed out." in page.text
    assert len(portal.identity.ended) == 1
    assert portal.identity.ended[0] is not None


def test_signing_out_everywhere_else_is_asked_once(portal: Portal) -> None:
    visitor = portal.signed_in(principal("manager"))
    page = visitor.open("/account/sessions/end-others")
    assert page.heading == "Sign out everywhere else?"
    assert "end_other_sessions" not in portal.identity.asked
    assert visitor.send(page).path == "/account"
    assert "end_other_sessions" in portal.identity.asked


def test_signing_out_ends_the_session_and_takes_the_cookie(portal: Portal) -> None:
    visitor = portal.signed_in(principal("manager"))
    home = visitor.open("/home")
    token = home.soup.select_one("input[name=csrf_token]")
    assert token is not None
    answer = visitor.client.post("/sign-out", data={"csrf_token": token["value"]})
    assert answer.headers["Location"] == "/"
    assert visitor.cookie("session") is None
    assert portal.identity.ended == [None]
    assert visitor.open("/home").heading == "Sign in"


def test_signing_out_works_in_this_browser_even_without_identity(portal: Portal) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable

    visitor = portal.signed_in(principal("manager"))
    portal.identity.end_session = refuse  # type: ignore[assignment, method-assign]
    token = visitor.open("/home").soup.select_one("input[name=csrf_token]")
    assert token is not None
    visitor.client.post("/sign-out", data={"csrf_token": token["value"]})
    assert visitor.cookie("session") is None
    assert "You are signed out here." in visitor.open("/").text


def test_the_password_is_changed_with_the_present_one(portal: Portal) -> None:
    visitor = portal.signed_in(principal("manager"))
    new = {"new_password": "four plain words here", "repeated": "four plain words here"}
    page = visitor.send(visitor.open("/account/password"), {"current_password": "wrong", **new}, status=422)
    assert page.faults == ["Present password: The present password is not right."]
    page = visitor.send(page, {"current_password": portal.identity.password, **new})
    assert page.path == "/account"
    assert portal.identity.password == "four plain words here"


def test_the_language_of_pages_and_mails_is_chosen_together(portal: Portal) -> None:
    visitor = portal.signed_in(principal("member"))
    page = visitor.open("/account/language")
    visitor.language = "bg"
    visitor.send(page, {"language": "bg"})
    assert portal.identity.languages == ["bg"]


def test_a_session_ended_elsewhere_is_forgotten_at_once(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_PRINCIPAL_CACHE="30")
    view = principal("manager")
    visitor = portal.signed_in(view)
    visitor.open("/home")
    portal.identity.sessions.clear()
    assert visitor.open("/home").heading.startswith("Welcome")  # remembered for some seconds
    portal.bus.tell(SessionEnded(session_id=view.session_id, account_id=uuid4()))
    assert visitor.open("/home").heading == "Sign in"
