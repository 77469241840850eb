"""The home page, its panels and the menus."""

from typing import Any

import pytest

from gateway import panels
from gateway.navigation import MAIN, SECTIONS
from gateway.security.guards import role, signed_in
from libs.contracts.errors import Unavailable
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal


def menu(page: Page) -> list[str]:
    """The words of the main menu."""
    return [" ".join(a.get_text(" ").split()) for a in page.soup.select(".site-nav a")]


def side(page: Page) -> dict[str, list[str]]:
    """Heading → lines of the side menu."""
    return {
        heading.get_text(strip=True): [a.get_text(strip=True) for a in lines.select("a")]
        for heading, lines in zip(page.soup.select(".side-menu h2"), page.soup.select(".side-menu ul"), strict=True)
    }


@pytest.mark.story("MON-40")
def test_the_home_page_of_a_manager_has_an_order_licences_button(portal: Portal) -> None:
    page = portal.signed_in(principal("manager")).open("/home")
    assert "Order licences" in page.buttons()


@pytest.mark.story("MON-41", "INS-01")
def test_the_menu_of_a_manager_has_the_catalogue_and_management(portal: Portal) -> None:
    words = menu(portal.signed_in(principal("manager")).open("/home"))
    assert {"Home", "Licence catalogue", "Orders", "Management"} <= set(words)
    assert "Sign in" not in words


@pytest.mark.story("INS-02")
def test_management_has_a_side_menu_with_licences_and_users(portal: Portal) -> None:
    page = portal.signed_in(principal("manager")).open("/management")
    assert side(page)["Licences"] == ["Add licences", "Available licences"]
    marked = page.soup.select(".site-nav a[aria-current]")
    assert [a.get_text(strip=True) for a in marked] == ["Management"]


@pytest.mark.parametrize(
    ("path", "roles"), [("/management", ["member"]), ("/work", ["manager"]), ("/work", ["member"])]
)
def test_a_section_is_closed_to_others(portal: Portal, path: str, roles: list[str]) -> None:
    page = portal.signed_in(principal(*roles)).open(path, status=403)
    assert page.heading == "You may not open this"


def test_staff_see_only_what_their_role_does(portal: Portal) -> None:
    lines = side(portal.signed_in(principal("finance")).open("/work"))
    assert "Bank statements" in lines.get("Payments", [])
    assert "To approve" not in lines.get("Orders", [])


@pytest.mark.story("MON-43")
@pytest.mark.parametrize("entry", [e for e in MAIN if e.audience.needs_sign_in and e.endpoint != "sign_in.form"])
def test_nothing_in_the_menus_opens_without_signing_in(portal: Portal, entry: Any) -> None:
    if entry.audience.name == "not signed in" or entry.endpoint not in portal.app.view_functions:
        return
    with portal.app.test_request_context():
        path = portal.app.url_for(entry.endpoint)
    assert portal.visitor().open(path).heading == "Sign in"


def test_every_menu_entry_leads_to_a_page_of_a_journey(portal: Portal) -> None:
    entries = [*MAIN, *(e for section in SECTIONS for group in section.groups for e in group.entries)]
    missing = [e.endpoint for e in entries if e.endpoint not in portal.app.view_functions]
    assert missing == []


@pytest.fixture
def only_panels(monkeypatch: pytest.MonkeyPatch, portal: Portal) -> Portal:
    """A portal whose home page has no panels but those that a test adds."""
    monkeypatch.setattr(panels, "PANELS", [])
    templates = {"a.html": "<p>first for {{ name }}</p>", "b.html": "<p>second</p>", "c.html": "<p>third</p>"}
    load = portal.app.jinja_env.loader.get_source  # type: ignore[union-attr]

    def source(environment: Any, template: str) -> Any:
        if template in templates:
            return templates[template], None, lambda: True
        return load(environment, template)

    monkeypatch.setattr(portal.app.jinja_env.loader, "get_source", source)
    return portal


def test_panels_show_in_order_to_their_audience_and_not_where_empty(only_panels: Portal) -> None:
    panels.panel(signed_in, order=20, template="b.html")(dict)
    panels.panel(signed_in, order=10, template="a.html")(lambda: {"name": "<b>you</b>"})
    panels.panel(role("finance"), order=5, template="c.html")(dict)
    panels.panel(signed_in, order=6, template="c.html")(lambda: None)
    page = only_panels.signed_in(principal("member")).open("/home")
    words = [p.get_text() for p in page.soup.select("main p:not(.lead)")]
    assert words == ["first for <b>you</b>", "second"]


def test_the_home_page_stands_where_a_panel_cannot_be_filled(only_panels: Portal) -> None:
    def fill() -> dict[str, Any]:
        raise Unavailable

    panels.panel(signed_in, order=1, template="b.html")(fill)
    page = only_panels.signed_in(principal("member")).open("/home")
    assert "A part of this page cannot be shown just now" in page.text
    assert "second" not in page.text
