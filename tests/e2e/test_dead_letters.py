"""An administrator deals with what the services gave up on, in a browser that runs no scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.topology import dead_queue_of, inner_exchange_of
from operations.dead_letters import main
from tests.e2e.programs import demo
from tests.support.builders.dead_letters import an_envelope, buried
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CLOSED = "identity.account_closed.v1"


def give_up(stack: RunningStack, service: str, *bodies: bytes, reason: str) -> None:
    """Put messages among the dead of a service, as its consumer does."""
    publisher = Publisher(stack.stack.broker.url, name="test")
    publisher.start()
    assert publisher.wait_connected(10)
    parcels = []
    for body in bodies:
        subject = str(uuid4())
        letter = buried(an_envelope(CLOSED, subject=subject), reason=reason)
        parcels.append(
            Parcel(
                exchange=inner_exchange_of(service),
                routing_key=dead_queue_of(service),
                body=body,
                properties=letter.properties,
            )
        )
    assert set(publisher.publish(parcels, timeout=10)) == {Outcome.SENT}
    publisher.stop()


def closing(account: UUID) -> bytes:
    return json.dumps({"account_id": str(account)}).encode()


def told(stack: RunningStack, *arguments: str) -> Any:
    """What the operators' command line says."""
    out = StringIO()
    assert main(["--stack", str(stack.folder), *arguments, "--json"], out=out) == 0, out.getvalue()
    return json.loads(out.getvalue())


def waiting(stack: RunningStack, service: str) -> int:
    return int(told(stack, "list", service)["services"][service]["waiting"])


@pytest.fixture
def desk(stack: RunningStack, browser: Browser) -> Iterator[Page]:
    """An administrator's window."""
    context = browser.new_context(base_url=stack.urls["portal"], java_script_enabled=False)
    context.set_default_timeout(20_000)
    token = demo(stack, "admin").token
    assert token is not None
    context.add_cookies([{"name": "session", "value": token, "url": stack.urls["portal"]}])
    page = context.new_page()
    page.goto("/work?lang=en")
    yield page
    context.close()


def test_letters_are_looked_at_given_back_and_discarded(stack: RunningStack, desk: Page) -> None:
    accounts = [uuid4() for _ in range(3)]
    give_up(stack, "notifications", *map(closing, accounts), reason="given_up")
    give_up(stack, "notifications", b"{no", b"\xff\x00", reason="not_json")
    eventually(lambda: waiting(stack, "notifications") == 5)

    desk.get_by_role("link", name="Dead letters", exact=True).first.click()
    expect(desk.locator("h1")).to_have_text("Dead letters")
    expect(desk.locator("tbody tr")).to_have_count(2)
    desk.get_by_role("link", name="its handler failed at every attempt").click()

    desk.locator("tbody th a").first.click()
    expect(desk.locator("pre")).to_contain_text('"account_id"')
    desk.get_by_role("button", name="Give back", exact=True).click()
    expect(desk.locator(".notice.good")).to_contain_text("1 letter is on its way")
    eventually(lambda: desk.reload() and desk.locator(".lead .badge").inner_text() == "Given back")
    expect(desk.locator("tbody tr")).to_have_count(3)
    desk.get_by_role("link", name="Back").click()

    desk.goto("/work/dead-letters/notifications?reason=given_up")
    desk.get_by_role("button", name="Give them all back").click()
    expect(desk.locator("h1")).to_have_text("Give back all letters of this kind?")
    desk.get_by_role("button", name="Give back").click()
    expect(desk.locator(".notice.good")).to_contain_text("2 letters are on their way")
    eventually(lambda: waiting(stack, "notifications") == 2)

    desk.goto("/work/dead-letters/notifications")
    for box in desk.get_by_role("checkbox").all():
        box.check()
    desk.get_by_role("button", name="Discard the ticked ones").click()
    expect(desk.locator("h1")).to_have_text("Discard these 2 letters?")
    desk.get_by_role("button", name="Discard").click()
    expect(desk.get_by_role("alert")).to_contain_text("Note")
    desk.fill("#note", "Not ours.")
    desk.get_by_role("button", name="Discard").click()
    expect(desk.locator(".notice.good")).to_contain_text("2 letters are discarded.")
    expect(desk.locator("main")).to_contain_text("Nothing of this service waits for a decision.")

    letters = told(stack, "list", "notifications", "--status", "all")["services"]["notifications"]["items"]
    assert sorted(letter["status"] for letter in letters) == ["discarded"] * 2 + ["replayed"] * 3
    whole = told(stack, "show", "notifications", next(one["id"] for one in letters if one["status"] == "discarded"))
    assert [deed["deed"] for deed in whole["history"]] == ["discard", "died"]
    assert re.fullmatch("[0-9a-f-]{36}", whole["history"][0]["done_by"])


def test_a_service_that_is_away_is_told_and_the_others_are_shown(stack: RunningStack, desk: Page) -> None:
    stack.stop_program("licensing-rpc")
    try:
        desk.goto("/work/dead-letters")
        expect(desk.locator(".notice.bad")).to_contain_text("“Licences” does not answer just now")
        expect(desk.locator("li.tile")).to_have_count(5)
    finally:
        stack.start_program("licensing-rpc")
        stack.wait_ready()
    desk.goto("/work/dead-letters")
    expect(desk.locator("li.tile")).to_have_count(6)
