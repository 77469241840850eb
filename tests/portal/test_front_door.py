"""The public start and the guide."""

import pytest

from tests.portal.fakes import principal
from tests.portal.support import Portal


@pytest.mark.story("MON-01", "MON-02")
def test_the_start_has_a_button_to_sign_in_and_one_that_tells_how_to_register(portal: Portal) -> None:
    page = portal.visitor().open("/")
    assert page.buttons() == ["Sign in", "How to register"]
    assert page.links("main") == {"Sign in": "/sign-in", "How to register": "/how-to-register"}


@pytest.mark.story("MON-02")
def test_the_guide_goes_step_by_step_from_installing_the_app_to_signing_in(portal: Portal) -> None:
    page = portal.visitor().open("/how-to-register")
    steps = [step.get_text(strip=True) for step in page.soup.select(".steps h2")]
    assert len(steps) == 8
    assert steps[0] == "Install the app"
    assert "same number that you gave us" in page.text


@pytest.mark.story("MON-06")
def test_nothing_public_creates_an_account(portal: Portal) -> None:
    page = portal.visitor().open("/")
    assert not [words for words in page.links() if "account" in words.lower()]
    changing = {
        rule.rule
        for rule in portal.app.url_map.iter_rules()
        if {"POST", "PUT"} & set(rule.methods or ())
        and getattr(portal.app.view_functions[rule.endpoint], "condition", None)
        and portal.app.view_functions[rule.endpoint].condition.name == "public"
        and not rule.rule.startswith("/api/")
    }
    assert changing <= {
        "/sign-in",
        "/sign-in/<uuid:sign_in_id>/password",
        "/sign-in/<uuid:sign_in_id>/cancel",
        "/sign-out",
    }


def test_who_is_signed_in_goes_from_the_start_to_the_home_page(portal: Portal) -> None:
    page = portal.signed_in(principal("manager", name="Анна Петрова")).open("/")
    assert page.heading == "Welcome, Анна Петрова"


@pytest.mark.story("INS-45")
def test_every_page_shows_where_to_ask(portal: Portal) -> None:
    for path in ("/", "/how-to-register", "/sign-in"):
        footer = portal.visitor().open(path).links(".site-footer")
        assert "mailto:support@example.org" in footer.values()
        assert any(address.startswith("tel:+359") for address in footer.values())


def test_the_language_changes_with_a_link_and_stays(portal: Portal) -> None:
    visitor = portal.visitor("bg")
    page = visitor.open("/how-to-register")
    assert page.links(".languages") == {"English": "/how-to-register?lang=en"}
    visitor.language = "en"
    assert visitor.open("/how-to-register?lang=en").path == "/how-to-register"
    assert visitor.open("/").links(".languages") == {"Български": "/?lang=bg"}
