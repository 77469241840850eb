"""The phone: registration, the access code twice, refusal; in two languages and without scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.simulators.push_app.app import create_app, preload
from tests.simulators.push_app.postman import Postman
from tests.simulators.push_app.provider import Provider, Push, Status

PHONE = "+359880000000"
CODE = "2580"


class Phone:
    """A hand on one phone."""

    def __init__(self, provider: Provider, number: str = PHONE) -> None:
        self.provider = provider
        self.number = number
        self.client: FlaskClient = create_app(provider, Postman(provider)).test_client()

    def get(self, path: str = "") -> TestResponse:
        return self.client.get(f"/phone/{self.number}{path}", follow_redirects=True)

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(f"/phone/{self.number}{path}", data=fields, follow_redirects=True)

    def heading(self, response: TestResponse) -> str:
        found = BeautifulSoup(response.text, "html.parser").find("h1")
        assert found is not None
        return found.get_text(strip=True)


@pytest.fixture
def phone() -> Phone:
    return Phone(Provider("V", "K"))


def push_to(phone: Phone) -> Push:
    person = phone.provider.person(phone.number)
    assert person is not None
    return phone.provider.send_push(
        person,
        description="Портал, код 47",
        expires_at=phone.provider.clock.now() + timedelta(minutes=5),
        callback_url=None,
        requires_signing=True,
    )


def test_a_new_number_is_asked_to_register_and_then_is_known(phone: Phone) -> None:
    assert phone.heading(phone.get()) == "Регистрация в приложението"
    assert phone.heading(phone.post("/register", code=CODE, code_again=CODE)) == "Няма нови искания"
    person = phone.provider.person("0880 000 000")
    assert person is not None
    assert person.knows(CODE)
    assert CODE.encode() not in person.code_digest


@pytest.mark.parametrize(
    ("code", "again"), [("2580", "2581"), ("12", "12"), ("123456789", "123456789"), ("абвг", "абвг")]
)
def test_a_bad_access_code_registers_nobody(phone: Phone, code: str, again: str) -> None:
    response = phone.post("/register", code=code, code_again=again)
    assert response.status_code == 422
    assert phone.provider.people == {}


@pytest.mark.story("MON-24", "MON-25", "MON-26")
def test_a_push_is_approved_only_after_the_access_code_was_entered_twice(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    path = f"/pushes/{push.transaction_id}"
    assert "Портал, код 47" in phone.get().text
    assert phone.heading(phone.get(path)) == "Въведете кода за достъп"
    assert phone.post(f"{path}/open", code="0000").status_code == 422
    opened = phone.post(f"{path}/open", code=CODE)
    assert phone.heading(opened) == "Искане за потвърждаване"
    assert phone.heading(phone.get(f"{path}/confirm")) == "Въведете кода още веднъж"
    assert phone.post(f"{path}/confirm", code="0000").status_code == 422
    assert push.status == Status.PENDING
    assert "Потвърдено" in phone.post(f"{path}/confirm", code=CODE).text
    assert push.status == Status.SIGNED


@pytest.mark.story("MON-25")
def test_a_locked_app_neither_confirms_nor_refuses(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    phone.post(f"/pushes/{push.transaction_id}/confirm", code=CODE)
    phone.post(f"/pushes/{push.transaction_id}/refuse")
    assert push.status == Status.PENDING


def test_a_push_is_refused_with_one_press_once_open(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    phone.post(f"/pushes/{push.transaction_id}/open", code=CODE)
    assert "Отказано" in phone.post(f"/pushes/{push.transaction_id}/refuse").text
    assert push.status == Status.REJECTED


def test_an_expired_push_can_no_longer_be_approved(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    phone.post(f"/pushes/{push.transaction_id}/open", code=CODE)
    phone.provider.clock.offset = timedelta(minutes=6)
    assert "Изтекло" in phone.post(f"/pushes/{push.transaction_id}/confirm", code=CODE).text
    assert push.status == Status.EXPIRED


def test_somebody_else_s_phone_shows_nothing_of_a_push(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    other = Phone(phone.provider, "+359880000001")
    other.post("/register", code="1111", code_again="1111")
    assert other.get(f"/pushes/{push.transaction_id}").status_code == 404


def test_the_mark_changes_when_a_push_arrives_and_when_it_is_answered(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    marks = [phone.get("/state").json]
    push = push_to(phone)
    marks.append(phone.get("/state").json)
    phone.provider.settle(push, Status.SIGNED)
    marks.append(phone.get("/state").json)
    assert len({str(mark) for mark in marks}) == 3


def test_the_phone_speaks_english_when_asked(phone: Phone) -> None:
    assert phone.heading(phone.get("?lang=en")) == "Register in the app"
    assert 'lang="en"' in phone.get().text


def test_the_language_can_be_switched_on_a_page_that_shows_a_fault(phone: Phone) -> None:
    phone.post("/register", code="1", code_again="2")
    assert phone.heading(phone.get("/register?lang=en")) == "Register in the app"
    phone.provider.register(PHONE, CODE)
    push = push_to(phone)
    phone.post(f"/pushes/{push.transaction_id}/open", code="0000")
    assert phone.heading(phone.get(f"/pushes/{push.transaction_id}/open?lang=bg")) == "Въведете кода за достъп"


def test_the_lock_screen_refreshes_itself_without_scripts(phone: Phone) -> None:
    phone.provider.register(PHONE, CODE)
    page = BeautifulSoup(phone.get().text, "html.parser")
    assert page.select_one('noscript meta[http-equiv="refresh"]') is not None


def test_the_shelf_takes_a_number_in_any_form_and_refuses_what_is_none(phone: Phone) -> None:
    taken = phone.client.post("/phone/", data={"number": "0880 000 000"})
    assert taken.location == f"/phone/{PHONE}"
    assert phone.client.post("/phone/", data={"number": "hello"}).status_code == 422
    assert phone.client.get("/phone/hello").status_code == 404


def test_phones_can_be_registered_beforehand() -> None:
    provider = Provider("V", "K")
    assert preload(provider, f'[{{"phone": "{PHONE}", "access_code": "{CODE}"}}]') == 1
    assert provider.people[PHONE].knows(CODE)
