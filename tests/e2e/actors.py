"""The people of the main job, each doing what a person does with a browser, a phone, a mailbox and a bank."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.eventually import eventually

ACCESS_CODE = "1234"
PAYER = "Примерен брокер ООД"


@dataclass
class Phone:
    """A phone with the push app."""

    page: Page
    address: str
    number: str
    code: str = ACCESS_CODE

    def register(self) -> None:
        """Register in the app, as the guide on the start page says."""
        self.page.goto(f"{self.address}{self.number}")
        self.page.fill("#code", self.code)
        self.page.fill("#code_again", self.code)
        self.page.click("#register")

    def open(self) -> str:
        """Wait for the notification, open it with the access code, and read its text."""
        self.page.goto(f"{self.address}{self.number}")
        self.page.locator("a.notification").first.click()
        self.page.fill("#code", self.code)
        self.page.click("#open")
        return self.page.locator("#description").inner_text()

    def confirm(self) -> str:
        """Press ✓ and enter the same access code again; tells the text of the request."""
        text = self.open()
        self.page.click("#approve")
        self.page.fill("#code", self.code)
        self.page.click("#confirm")
        self.page.locator("#outcome").wait_for()
        return text

    def refuse(self) -> None:
        """Press ✕."""
        self.open()
        self.page.click("#refuse")
        self.page.locator("#outcome").wait_for()


@dataclass
class Letter:
    """A mail that arrived."""

    subject: str
    text: str
    attachments: list[str]

    def holds(self, *words: str) -> bool:
        """Whether all these words stand in it."""
        return all(word in f"{self.subject}\n{self.text}" for word in words)


@dataclass
class Mailbox:
    """The mail of one address."""

    address: str
    recipient: str

    def find(self, *words: str) -> Letter:
        """The newest letter whose subject or text holds all these words, once it has come."""
        return eventually(lambda: [one for one in self.all() if one.holds(*words)], timeout=30)[0]

    def all(self) -> list[Letter]:
        """Every letter there is, newest first."""
        answer = requests.get(f"{self.address}api/messages", params={"to": self.recipient}, timeout=40)
        answer.raise_for_status()
        return [
            Letter(one["subject"], one["text"], [attached["filename"] for attached in one["attachments"]])
            for one in answer.json()
        ]


@dataclass
class Person:
    """Somebody at a browser of their own, with a phone beside it."""

    browser: Browser
    urls: Mapping[str, str]
    login: str
    password: str
    phone_number: str
    language: str = "en"
    new_password: str = "four quiet rivers meet"
    scripts: bool = True
    page: Page = field(init=False)
    phone: Phone = field(init=False)

    def __post_init__(self) -> None:
        context = self.browser.new_context(
            base_url=self.urls["portal"], locale="bg-BG", accept_downloads=True, java_script_enabled=self.scripts
        )
        context.set_default_timeout(20_000)
        self.page = context.new_page()
        self.page.goto(f"/?lang={self.language}")
        self.phone = Phone(self.browser.new_context().new_page(), self.urls["phone"], self.phone_number)

    def give_name_and_password(self, password: str | None = None) -> None:
        """The first step of signing in."""
        self.page.goto("/sign-in")
        self.page.fill("#login", self.login)
        self.page.fill("#password", password or self.password)
        self.page.locator("main form button.button:not(.quiet)").click()

    def choose_password(self) -> None:
        """The change that an issued password demands."""
        self.page.fill("#new_password", self.new_password)
        self.page.fill("#repeated", self.new_password)
        self.page.locator("main form button.button:not(.quiet)").click()
        self.password = self.new_password

    def confirm_on_phone(self) -> None:
        """Wait for the push, compare the codes, confirm; the browser goes on by itself."""
        code = self.page.locator(".code").inner_text()
        shown = re.search(r"\d\d", code)
        assert shown is not None
        assert shown.group() in self.phone.confirm()
        expect(self.page).to_have_url(re.compile(r"/signed-in"))

    def sign_in(self, *, first: bool = False) -> None:
        """All the way into the portal."""
        self.give_name_and_password()
        if first:
            self.choose_password()
        self.confirm_on_phone()
        self.page.locator("main a.button").click()
        expect(self.page).to_have_url(re.compile(r"/home"))

    def follow(self, name: str) -> None:
        """Choose a link by what it says."""
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def press(self, name: str) -> None:
        """Press a button by what it says."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def look_until(self, place: Locator) -> None:
        """Open the page again until this is on it, as a person does who waits for news."""

        def there() -> bool:
            if not place.count():
                self.page.reload()
            return place.count() > 0

        eventually(there, timeout=20, every=0.3)

    def heading(self) -> str:
        """What the page says it is."""
        return self.page.locator("h1").inner_text()


def transfer(urls: Mapping[str, str], *, iban: str, amount: str, reason: str, payer: str = PAYER) -> None:
    """Pay at the bank."""
    answer = requests.post(
        f"{urls['bank']}api/transfers",
        json={"iban": iban, "amount": amount, "reason": reason, "payer": payer},
        timeout=10,
    )
    answer.raise_for_status()


def statement(urls: Mapping[str, str], iban: str, form: str, folder: Path) -> Path:
    """The operator's statement, downloaded from the bank."""
    answer = requests.get(f"{urls['bank']}statements/{iban}/{form}", timeout=10)
    answer.raise_for_status()
    file = folder / ("statement.sta" if form == "mt940" else "statement.xml")
    file.write_bytes(answer.content)
    return file
