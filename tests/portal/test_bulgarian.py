"""The portal in Bulgarian: what the stories want to be said is said there too, and no English is left over."""

import re

import pytest

from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor

NAMES = {
    *("Evrotrust", "Technologies", "App", "Store", "iPhone", "Google", "Play", "AppGallery", "Android"),
    *("Caps", "Lock", "English", "Excel", "QR", "SMS", "support", "example", "org"),
}
"""Words in Latin letters that are names."""


def english(text: str) -> set[str]:
    """Words in Latin letters that are no names."""
    return set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES


def everything(page: Page) -> str:
    """All that a page says, also what is only read out."""
    spoken = [str(tag[name]) for name in ("aria-label", "placeholder", "alt") for tag in page.soup.select(f"[{name}]")]
    assert page.soup.body is not None
    return " ".join([page.soup.body.get_text(" "), *spoken])


def entered(visitor: Visitor, portal: Portal) -> Page:
    """The page after name and password."""
    portal.identity.issued = False
    return visitor.send(
        visitor.open("/sign-in"), {"login": portal.identity.login, "password": portal.identity.password}
    )


@pytest.mark.parametrize("path", ["/", "/how-to-register", "/sign-in", "/certificates/check"])
def test_no_english_is_left_on_the_public_pages(portal: Portal, path: str) -> None:
    assert english(everything(portal.visitor("bg").open(path))) == set()


@pytest.mark.parametrize(("path", "roles"), [("/management", ["manager"]), ("/work", ["admin"])])
def test_no_english_is_left_in_the_menus(portal: Portal, path: str, roles: list[str]) -> None:
    page = portal.signed_in(principal(*roles), "bg").open(path)
    assert english(" ".join([page.text, *page.links(".site-nav")])) == set()


def test_what_is_left_in_english_is_found(portal: Portal) -> None:
    assert {"Sign", "in", "How", "to", "register"} <= english(everything(portal.visitor("en").open("/")))
    assert english("Отворете App Store и Settings") == {"Settings"}


@pytest.mark.story("INS-01", "INS-02", "INS-11", "INS-18", "INS-40", "MON-41")
def test_the_menus_are_named_as_the_stories_name_them(portal: Portal) -> None:
    page = portal.signed_in(principal("manager"), "bg").open("/management")
    assert {"Каталог на лицензите", "Поръчки", "Управление"} <= set(page.links(".site-nav"))
    assert list(page.links(".side-menu")) == [
        "Добавяне на лицензи", "Налични лицензи", "Нови потребители", "Потребители", "Резултати и удостоверения",
    ]  # fmt: skip


@pytest.mark.story("MON-16", "MON-17", "MON-18", "MON-19")
def test_who_is_not_in_the_phone_app_reads_so(portal: Portal) -> None:
    portal.identity.registered = False
    page = entered(portal.visitor("bg"), portal)
    assert page.heading == "Този потребител не съществува в Evrotrust"
    assert "Потребителското име, с което искате да влезете, не е регистрирано в Evrotrust" in page.text
    assert "Повече информация и указания за регистрация ще намерите на началната страница." in page.text
    assert page.links("main") == {"Начало": "/"}


@pytest.mark.story("MON-21", "MON-22", "MON-23")
def test_the_waiting_page_tells_what_to_do_and_how_long(portal: Portal) -> None:
    page = entered(portal.visitor("bg"), portal)
    assert page.heading == "Очакваме Вашето потвърждение"
    assert "Изпратихме искане до устройството, с което сте се регистрирали в приложението Evrotrust" in page.text
    assert "Ако до 5 минути не постъпи потвърждение, искането се отхвърля." in page.text


@pytest.mark.story("MON-30", "MON-31", "MON-32")
def test_the_expired_page_says_so_and_leads_home(portal: Portal) -> None:
    visitor = portal.visitor("bg")
    path = entered(visitor, portal).path
    portal.identity.set(list(portal.identity.attempts)[-1], "expired")
    page = visitor.open(path)
    assert page.heading == "Искането изтече"
    assert "Искането за вход не беше потвърдено в рамките на допустимите пет минути." in page.text
    assert "Можете да започнете отново от началната страница." in page.text
    assert page.links("main") == {"Начало": "/"}


def test_two_meanings_of_one_english_word_are_two_words(portal: Portal) -> None:
    with portal.app.test_request_context("/", headers={"Cookie": "language=bg"}):
        assert portal.app.jinja_env.from_string('{{ pgettext("button", "Order") }}, {{ _("Order") }}').render() == (
            "Поръчай, Поръчка"
        )


def test_numbers_choose_between_one_and_many(portal: Portal) -> None:
    template = '{{ ngettext("%(num)s unused licence", "%(num)s unused licences", n) }}'
    with portal.app.test_request_context("/", headers={"Cookie": "language=bg"}):
        said = [portal.app.jinja_env.from_string(template).render(n=n) for n in (1, 2, 21)]
    assert said == ["1 неизползван лиценз", "2 неизползвани лиценза", "21 неизползвани лиценза"]


def test_an_address_breaks_after_its_at_sign_and_stays_harmless(portal: Portal) -> None:
    shown = portal.app.jinja_env.from_string("{{ text|address }}").render(text="a<b>@example.org")
    assert shown == "a&lt;b&gt;@<wbr>example.org"
