"""The manager's part of the main job in a browser that runs no scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.actors import Person, statement, transfer
from tests.e2e.programs import NEW_PASSWORD, demo, password_is_issued
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FIFTEEN_HOURS = ("life-and-savings", "motor-liability", "property", "needs-and-demands", "anti-money-laundering",
                 "data-protection")  # fmt: skip
ROWS = (
    ("Име", "Фамилия", "Имейл", "Телефон"),
    ("Рада", "Тиха", "rada.tiha@broker.example", "+359880000401"),
    ("Стоян", "Тих", "stoyan.tih(at)broker.example", "+359880000402"),
)


@pytest.mark.story("INS-12", "INS-16", "INS-30", "INS-31", "MON-27")
def test_a_manager_orders_adds_people_and_hands_out_seats_without_scripts(
    stack: RunningStack, browser: Browser, tmp_path: Path
) -> None:
    account = stack.accounts["manager"]
    first = password_is_issued(stack, "manager")
    password = account["password"] if first else NEW_PASSWORD
    manager = Person(browser, stack.urls, "manager", password, account["phone"], scripts=False)
    page = manager.page
    # The waiting page asks again by itself; nobody touches the browser.
    manager.sign_in(first=first)
    assert page.locator(".only-scripted:visible").count() == 0

    manager.follow("Order licences")
    page.fill("#quantity-maintenance-15h", "0.5")
    manager.press("Order")
    expect(page.get_by_role("alert")).to_contain_text("Enter a whole number.")
    page.fill("#quantity-maintenance-15h", "1")
    manager.press("Order")
    expect(page.locator("h1")).to_contain_text("Order 20")
    order, facts = page.url, page.locator("dl.facts").first.inner_text()
    iban = "".join(re.findall(r"BG\d\d[ A-Z0-9]+", facts)[0].split())
    reference = "".join(re.findall(r"RF\d\d[ A-Z0-9]+", facts)[0].split())
    expect(page.locator("img.qr")).to_be_visible()

    transfer(stack.urls, iban=iban, amount="57.60", reason=reference)
    finance = demo(stack, "finance")
    file = statement(stack.urls, iban, "mt940", tmp_path)
    assert finance.outcome(finance.upload(file.read_bytes(), file.name))["state"] == "done"
    page.goto(order)
    expect(page.locator(".lead .badge")).to_have_text("Paid")

    page.goto("/management/users/new")
    page.locator("summary").click()
    page.fill("#pasted", "\n".join("\t".join(row) for row in ROWS))
    manager.press("Check")
    expect(page.locator("#email-2-fault")).to_have_text("this is not an e-mail address")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.locator("#email-2")).to_be_in_viewport()
    manager.press("Add the 1 row that is ready")
    expect(page.locator(".notice.good")).to_contain_text("1 employee was added")
    page.fill("#email-1", "stoyan.tih@broker.example")
    manager.press("Check again")
    manager.press("Add")
    expect(page.locator(".notice.good")).to_contain_text("1 employee was added")

    page.goto("/management/licences/maintenance-15h/participants")
    page.get_by_role("checkbox", name=re.compile("rada.tiha@broker.example")).check()
    manager.press("Continue to the modules")
    expect(page.locator("#confirm")).to_be_disabled()
    for code in FIFTEEN_HOURS[:-1]:
        page.locator(f'input[value="{code}"]').check()
    manager.press("Add up the hours")
    expect(page.locator("[data-balance]")).to_have_text("1:30 hours are missing")
    expect(page.locator("#confirm")).to_be_disabled()
    page.locator(f'input[value="{FIFTEEN_HOURS[-1]}"]').check()
    manager.press("Add up the hours")
    expect(page.locator("[data-balance]")).to_have_text("The hours are right")
    manager.press("Confirm")
    expect(page.locator(".notice.good")).to_contain_text("1 person was added")
    page.context.close()
