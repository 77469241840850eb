"""Signing in with a real browser and a phone: every end of it, and without a mouse."""

from __future__ import annotations

import re

import psycopg
import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.e2e.actors import ACCESS_CODE, Person
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def somebody(stack: RunningStack, browser: Browser, login: str, language: str = "en") -> Person:
    account = stack.accounts[login]
    return Person(browser, stack.urls, login, account["password"], account["phone"], language=language)


def manage(stack: RunningStack, method: str, where: str, **fields: object) -> requests.Response:
    """Tell the push app's simulator how to behave."""
    address = stack.urls["phone"].replace("/phone/", "/manage")
    answer = requests.request(method, f"{address}{where}", json=fields or None, timeout=10)
    answer.raise_for_status()
    return answer


def session_cookies(person: Person) -> list[str]:
    return [cookie["name"] for cookie in person.page.context.cookies() if "session" in cookie["name"]]


def only_control_leads_home(person: Person) -> None:
    controls = person.page.locator("main a.button, main button")
    assert controls.count() == 1
    controls.click()
    expect(person.page).to_have_url(re.compile(r"/$"))


@pytest.mark.story("MON-03", "MON-16", "MON-17", "MON-18", "MON-19", "MON-20")
def test_a_person_without_the_app_is_told_so_and_nothing_is_left_behind(stack: RunningStack, browser: Browser) -> None:
    clerk = somebody(stack, browser, "clerk")
    manage(stack, "DELETE", f"/phones/{clerk.phone_number}")
    clerk.give_name_and_password()
    clerk.choose_password()
    expect(clerk.page.locator("h1")).to_have_text("This user does not exist in Evrotrust")
    expect(clerk.page.locator("main")).to_contain_text("is not registered in Evrotrust")
    expect(clerk.page.locator("main")).to_contain_text("instructions how to register are on the start page")
    assert session_cookies(clerk) == []
    assert manage(stack, "GET", f"/pushes?phone={clerk.phone_number}").json() == []
    only_control_leads_home(clerk)
    clerk.page.context.close()


@pytest.mark.story("MON-23", "MON-25", "MON-27", "MON-37", "MON-38")
def test_the_sign_in_works_by_keyboard_alone_and_in_bulgarian(stack: RunningStack, browser: Browser) -> None:
    clerk = somebody(stack, browser, "clerk", language="bg")
    manage(stack, "PUT", f"/phones/{clerk.phone_number}", access_code=ACCESS_CODE)
    page, keys = clerk.page, clerk.page.keyboard
    clerk.password = clerk.new_password
    page.goto("/")
    for _ in range(30):
        keys.press("Tab")
        if page.evaluate("document.activeElement.matches('main a[href^=\"/sign-in\"]')"):
            break
    keys.press("Enter")
    page.wait_for_url(re.compile("/sign-in"))
    for _ in range(30):
        if page.evaluate("document.activeElement.id") == "login":
            break
        keys.press("Tab")
    keys.type(clerk.login)
    keys.press("Tab")
    keys.type(clerk.password)
    keys.press("Enter")
    expect(page.locator(".code")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "bg"
    clerk.confirm_on_phone()
    for _ in range(20):
        keys.press("Tab")
        if page.evaluate("document.activeElement.matches('main a.button')"):
            break
    keys.press("Enter")
    expect(page).to_have_url(re.compile("/home"))
    page.goto("/home")
    page.locator("header form button").click()
    assert session_cookies(clerk) == []
    page.context.close()


@pytest.mark.story("MON-35")
def test_a_refusal_on_the_phone_ends_the_attempt_at_once(stack: RunningStack, browser: Browser) -> None:
    official = somebody(stack, browser, "official")
    official.give_name_and_password()
    official.choose_password()
    expect(official.page.locator(".code")).to_be_visible()
    official.phone.refuse()
    expect(official.page.locator("h1")).to_have_text("You refused the request")
    assert session_cookies(official) == []
    official.give_name_and_password()
    expect(official.page.locator("h1")).to_have_text("No request was sent to your phone")
    official.page.context.close()


@pytest.mark.story("MON-30", "MON-31", "MON-32", "MON-33", "MON-34", "MON-36")
def test_after_five_minutes_the_request_has_expired_and_a_late_approval_opens_nothing(
    stack: RunningStack, browser: Browser
) -> None:
    admin = somebody(stack, browser, "admin")
    admin.give_name_and_password()
    admin.choose_password()
    expect(admin.page.locator(".code")).to_be_visible()
    waiting = admin.page.url
    pushes = eventually(lambda: manage(stack, "GET", f"/pushes?phone={admin.phone_number}").json(), timeout=20)
    with psycopg.connect(stack.stack.postgres.url("identity").replace("+psycopg", "")) as connection:
        connection.execute("UPDATE sign_ins SET expires_at = now() WHERE state = 'awaiting_factor'")
    expect(admin.page.locator("h1")).to_have_text("The request has expired", timeout=15_000)
    expect(admin.page.locator("main")).to_contain_text("was not confirmed within the allowed five minutes")
    address = stack.urls["phone"].replace("/phone/", "/manage")
    requests.post(f"{address}/pushes/{pushes[0]['transaction_id']}/approve", json={}, timeout=10)
    admin.page.goto(waiting)
    expect(admin.page.locator("h1")).to_have_text("The request has expired")
    assert session_cookies(admin) == []
    only_control_leads_home(admin)
    admin.page.goto("/home")
    expect(admin.page).to_have_url(re.compile("/sign-in"))
    admin.page.context.close()


@pytest.mark.story("MON-37")
def test_the_attempt_belongs_to_the_browser_that_began_it(stack: RunningStack, browser: Browser) -> None:
    admin = somebody(stack, browser, "admin")
    admin.password = admin.new_password
    admin.give_name_and_password()
    expect(admin.page.locator(".code")).to_be_visible()
    stranger = browser.new_context().new_page()
    stranger.goto(f"{admin.page.url}?lang=en")
    expect(stranger.locator("h1")).to_have_text("This sign-in does not belong to this browser")
    admin.phone.confirm()
    expect(admin.page).to_have_url(re.compile("/signed-in"))
    stranger.reload()
    assert [cookie for cookie in stranger.context.cookies() if "session" in cookie["name"]] == []
    stranger.context.close()
    admin.page.context.close()


def test_a_provider_that_does_not_answer_is_told_apart_from_a_refusal(stack: RunningStack, browser: Browser) -> None:
    admin = somebody(stack, browser, "admin")
    admin.password = admin.new_password
    manage(stack, "POST", "/faults", status=500, times=50)
    try:
        admin.give_name_and_password()
        expect(admin.page.locator("h1")).to_have_text("Evrotrust does not answer just now", timeout=60_000)
    finally:
        manage(stack, "DELETE", "/faults")
    assert session_cookies(admin) == []
    admin.page.context.close()
