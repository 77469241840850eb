"""What every page refuses: forged forms, large bodies, curious strangers; and how errors look."""

import pytest

from gateway.security.tokens import new_token
from libs.contracts.errors import Internal, Unavailable
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal


def token_of(page: Page) -> str:
    """The form token of a page."""
    found = page.soup.select_one("input[name=csrf_token]")
    assert found is not None
    return str(found["value"])


def test_a_form_without_its_token_is_refused(portal: Portal) -> None:
    visitor = portal.visitor()
    visitor.open("/sign-in")
    answer = visitor.client.post("/sign-in", data={"login": "a", "password": "b"})
    page = Page(answer, "en")
    assert answer.status_code == 403
    assert "This page is too old. Open it again" in page.text
    assert portal.identity.asked == []


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"), lambda t: "x" + t, lambda _: "", lambda _: "."]
)
def test_a_changed_token_is_refused(portal: Portal, change) -> None:  # type: ignore[no-untyped-def]
    visitor = portal.visitor()
    token = change(token_of(visitor.open("/sign-in")))
    answer = visitor.client.post("/sign-in", data={"csrf_token": token, "login": "a", "password": "b"})
    assert answer.status_code == 403


def test_a_token_of_another_browser_is_refused(portal: Portal) -> None:
    stranger, visitor = portal.visitor(), portal.visitor()
    token = token_of(stranger.open("/sign-in"))
    visitor.open("/sign-in")
    assert visitor.client.post("/sign-in", data={"csrf_token": token}).status_code == 403


def test_a_token_from_before_signing_in_is_no_good_afterwards(portal: Portal) -> None:
    visitor = portal.visitor()
    token = token_of(visitor.open("/sign-in"))
    session = new_token()
    portal.identity.sign_in(session, principal("manager"))
    visitor.give_session(session)
    assert visitor.client.post("/sign-out", data={"csrf_token": token}).status_code == 403


def test_a_form_that_another_site_sends_is_refused_even_with_a_token(portal: Portal) -> None:
    visitor = portal.visitor()
    data = {"csrf_token": token_of(visitor.open("/sign-in")), "login": "a", "password": "b"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 422)):
        assert visitor.client.post("/sign-in", data=data, headers={"Sec-Fetch-Site": site}).status_code == status


def test_two_pages_never_carry_the_same_token(portal: Portal) -> None:
    visitor = portal.visitor()
    assert token_of(visitor.open("/sign-in")) != token_of(visitor.open("/sign-in"))


def test_every_answer_tells_the_browser_what_to_refuse(portal: Portal) -> None:
    for path in ("/", "/nothing", "/static/css/portal.css", "/healthz", "/home"):
        with portal.app.test_client().get(path) as answer:
            headers = answer.headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
        assert len(headers["X-Correlation-Id"]) == 36


def test_a_correlation_id_from_outside_is_not_taken_over(portal: Portal) -> None:
    answer = portal.app.test_client().get("/", headers={"X-Correlation-Id": "chosen"})
    assert answer.headers["X-Correlation-Id"] != "chosen"


def test_static_files_may_be_kept_for_good_under_their_fingerprint_only(portal: Portal) -> None:
    page = portal.visitor().open("/")
    sheet = str(page.soup.select("link[rel=stylesheet]")[-1]["href"])

    def kept(address: str) -> str:
        with portal.app.test_client().get(address) as answer:
            return answer.headers["Cache-Control"]

    assert "immutable" in kept(sheet)
    assert kept(sheet.partition("?")[0]) == "public, max-age=300"
    assert "immutable" not in kept("/static/css/nothing.css?v=1")


def test_an_unknown_address_is_a_page_with_a_way_home(portal: Portal) -> None:
    page = portal.visitor().open("/nothing", status=404)
    assert page.heading == "We could not find this page"
    assert page.links("main") == {"Home": "/"}


def test_a_wrong_method_is_a_page_too(portal: Portal) -> None:
    visitor = portal.visitor()
    data = {"csrf_token": token_of(visitor.open("/sign-in"))}
    answer = visitor.client.post("/how-to-register", data=data)
    Page(answer, "en")
    assert answer.status_code == 405
    assert "POST" not in answer.headers["Allow"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_BODY_LIMIT="2000")
    visitor = portal.visitor()
    token = token_of(visitor.open("/sign-in"))
    answer = visitor.client.post("/sign-in", data={"csrf_token": token, "login": "x" * 3000})
    assert answer.status_code == 413
    assert Page(answer, "en").text.startswith("Some of the data is not valid What you sent is too large.")


def test_an_unknown_failure_is_a_bare_500_with_the_number_to_tell(portal: Portal) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("the secret reason")

    visitor = portal.signed_in(principal("manager"))
    portal.identity.list_sessions = fail  # type: ignore[assignment, method-assign]
    page = visitor.open("/account", status=500)
    assert page.heading == "Something went wrong on our side"
    assert "secret" not in page.response.text
    assert page.response.headers["X-Correlation-Id"] in page.text


def test_a_services_failure_tells_nothing_of_its_cause(portal: Portal) -> None:
    def fail(*_: object) -> None:
        raise Internal("internal", "the secret reason")

    visitor = portal.signed_in(principal("manager"))
    portal.identity.list_sessions = fail  # type: ignore[assignment, method-assign]
    assert "secret" not in visitor.open("/account", status=500).response.text


def test_the_probes_tell_whether_the_broker_is_in_reach(portal: Portal) -> None:
    client = portal.app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json == {"broker": "ok"}
    portal.bus.in_reach = False
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert b"gateway_request_seconds" in client.get("/metrics").data


def test_a_request_behind_a_trusted_proxy_counts_under_the_visitors_address(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_TRUSTED_PROXIES="1", GATEWAY_SIGN_INS_PER_MINUTE="1")
    visitor = portal.visitor()
    data = {"csrf_token": token_of(visitor.open("/sign-in")), "login": "a", "password": "b"}

    def status(address: str) -> int:
        return visitor.client.post("/sign-in", data=data, headers={"X-Forwarded-For": address}).status_code

    assert [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")] == [422, 429, 422]


def test_where_nobody_can_say_who_is_there_the_page_says_to_come_back(portal: Portal) -> None:
    def refuse(_: str) -> None:
        raise Unavailable

    visitor = portal.signed_in(principal("manager"))
    portal.identity.authenticate = refuse  # type: ignore[assignment, method-assign]
    page = visitor.open("/home", status=503)
    assert page.heading == "Please try again in a minute"
    assert visitor.cookie("session") is not None
