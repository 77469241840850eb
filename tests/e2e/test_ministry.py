"""The same portal for a ministry: an official approves in the place of a payment."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.actors import Mailbox, Person
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def somebody(stack: RunningStack, browser: Browser, login: str) -> Person:
    account = stack.accounts[login]
    person = Person(browser, stack.urls, login, account["password"], account["phone"])
    person.sign_in(first=True)
    return person


@pytest.mark.story("MON-40", "MON-41", "MON-42")
def test_an_official_approves_an_order_and_the_licences_appear(ministry_stack: RunningStack, browser: Browser) -> None:
    manager = somebody(ministry_stack, browser, "manager")
    manager.follow("Licence catalogue")
    manager.page.fill("#quantity-microsoft-365-a3", "12")
    manager.press("Order")
    expect(manager.page.locator(".lead .badge")).to_have_text("Waiting for approval")
    number = manager.heading().rpartition(" ")[2]
    assert manager.page.locator("text=IBAN").count() == 0
    order = manager.page.url

    official = somebody(ministry_stack, browser, "official")
    official.page.goto("/work/approvals")
    official.follow("Look and decide")
    official.press("Approve")
    expect(official.page.locator(".notice.good")).to_contain_text("is approved")

    manager.page.goto(order)
    expect(manager.page.locator(".lead .badge")).to_have_text("Approved")
    manager.page.goto("/management/licences")
    manager.look_until(manager.page.get_by_role("row").filter(has_text="Microsoft 365 A3").filter(has_text="0 of 12"))
    Mailbox(ministry_stack.urls["mail"], "elena.dimitrova@school.example").find(number, "одобрена")


def test_a_declined_order_tells_the_reason_and_gives_nothing(ministry_stack: RunningStack, browser: Browser) -> None:
    manager = Person(
        browser,
        ministry_stack.urls,
        "manager",
        "four quiet rivers meet",
        ministry_stack.accounts["manager"]["phone"],
    )
    manager.sign_in()
    manager.page.goto("/management/licences/add")
    manager.page.fill("#quantity-power-bi-pro", "1")
    manager.press("Order")
    order = manager.page.url
    official = Person(
        browser,
        ministry_stack.urls,
        "official",
        "four quiet rivers meet",
        ministry_stack.accounts["official"]["phone"],
    )
    official.sign_in()
    official.page.goto("/work/approvals")
    official.follow("Look and decide")
    official.page.locator("summary").click()
    official.page.fill("#reason", "The budget of this year is used up.")
    official.press("Decline the order")
    manager.page.goto(order)
    expect(manager.page.locator(".lead .badge")).to_have_text("Declined")
    expect(manager.page.locator("main")).to_contain_text("The budget of this year is used up.")
