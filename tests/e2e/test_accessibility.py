"""An accessibility checker finds nothing serious on any page, in either language, on a phone and on a desk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.e2e.programs import NEW_PASSWORD, Insider, Program, approve, demo, issued_password, sign_in
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SERIOUS = {"serious", "critical"}
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
CHECK = """() => axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(one => ({
    id: one.id, impact: one.impact, nodes: one.nodes.slice(0, 4).map(node => node.target.join(" ") + " " + node.html)
})))"""

OPEN = [
    "/", "/how-to-register", "/sign-in", "/library", "/certificates/check", "/certificates/check/NOTHING", "/nothing",
]  # fmt: skip
MANAGERS = [
    "/home", "/catalogue", "/orders", "/orders/{order}", "/orders/{paid}", "/orders/{order}/cancel", "/management",
    "/management/licences", "/management/licences/add", "/management/licences/maintenance-15h",
    "/management/licences/maintenance-15h/participants", "/management/users", "/management/users/new",
    "/management/users/{person}", "/management/users/{person}/password", "/management/trainings", "/trainings",
    "/account", "/account/password", "/account/language",
]  # fmt: skip
STAFFS = [
    "/home", "/work", "/work/orders", "/work/approvals", "/work/bank-statements", "/work/bank-statements/{statement}",
    "/work/bank-statements/{refused}", "/work/payments/unmatched", "/work/payments/{transfer}/match",
    "/work/payments/{transfer}/discard", "/work/organisations", "/work/organisations/new",
    "/work/organisations/{organisation}", "/work/organisations/{organisation}/correct",
    "/work/accounts/new?organisation={organisation}", "/work/accounts/new", "/work/messages", "/work/messages/{mail}",
    "/work/dead-letters", "/work/dead-letters/orders",
]  # fmt: skip
"""Pages by who opens them; what stands in braces is found on the running stack."""


@dataclass
class Checked:
    """Opens pages in one browser window and gathers what the checker says about them."""

    page: Page
    found: dict[str, list[str]] = field(default_factory=dict)

    def visit(self, path: str) -> None:
        """Open a page in both languages and check it."""
        for language in ("bg", "en"):
            joint = "&" if "?" in path else "?"
            answer = self.page.goto(f"{path}{joint}lang={language}")
            assert answer is not None
            assert answer.status in ((404,) if path == "/nothing" else (200,)), f"{path}: {answer.status}"
            self.look(f"{path} {language}", mirrored=language == "en")

    def look(self, name: str, *, mirrored: bool = False) -> None:
        """Check what is in the window now, on a phone and on a desk, one of them in the dark."""
        self.page.evaluate(AXE_SCRIPT)
        for size, viewport in SIZES.items():
            dark = (size == "desk") is not mirrored
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
            for fault in self.page.evaluate(CHECK):
                if fault["impact"] in SERIOUS:
                    place = f"{name} {size} {'dark' if dark else 'light'}"
                    self.found.setdefault(f"{fault['id']}: {fault['nodes']}", []).append(place)
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                self.found.setdefault(f"wider than the window by {wide}", []).append(f"{name} {size}")

    def press(self, selector: str) -> None:
        """Send a form of the page."""
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()


@pytest.fixture
def window(stack: RunningStack, browser: Browser) -> Iterator[Checked]:
    """A window in which nobody is signed in."""
    context = browser.new_context(base_url=stack.urls["portal"], locale="bg-BG", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    yield Checked(context.new_page())
    context.close()


def seat(window: Checked, program: Program) -> None:
    """Let the window be signed in with the session of a program."""
    assert program.token is not None
    url = program.address.partition("/api/")[0]
    window.page.context.add_cookies([{"name": "session", "value": program.token, "url": url}])


@dataclass
class World:
    """A manager, an administrator and a learner with something on each of their pages."""

    manager: Program
    admin: Program
    learner: Program
    places: dict[str, str]


@pytest.fixture(scope="module")
def world(stack: RunningStack) -> World:
    manager, admin = demo(stack, "manager"), demo(stack, "admin")
    ours = manager.get("/me")["organisation_id"]
    order = _place(manager, ours, "maintenance-15h", 2)
    paid = _place(manager, ours, "induction", 2)
    iban = paid["payment"]["iban"]
    entries = ((paid["payment"]["amount"]["amount"], paid["payment"]["reference"]), ("17.00", "za neshto"))
    assert admin.outcome(admin.upload(_mt940(iban, entries), "march.sta"))["unmatched"] == 1
    assert admin.outcome(admin.upload(b"no statement", "refused.txt"))["state"] == "failed"
    row = {"given_name": "Деница", "family_name": "Достъпна", "email": "denitsa@broker.example",
           "phone": "+359880000501"}  # fmt: skip
    (person,) = manager.post(f"/organisations/{ours}/people", {"people": [row]})["added"]
    body = {"sku": "induction", "people": [{"account_id": person["account_id"]}]}
    eventually(lambda: manager.call("POST", f"/organisations/{ours}/assignments", json=body).ok, timeout=30, every=0.2)
    learner = sign_in(stack, row["email"], row["phone"], issued_password(stack, row["email"]))
    (training,) = eventually(lambda: learner.get("/me/trainings"), timeout=20, every=0.2)
    insider = Insider(stack)
    try:
        staff = insider.principal("admin")
        statements = insider.call("orders.list_bank_statements", {}, staff)["items"]
        places = {
            "order": order["id"],
            "paid": paid["id"],
            "person": person["account_id"],
            "organisation": ours,
            "training": training["id"],
            "module": training["modules"][0]["code"],
            "statement": next(one["id"] for one in statements if one["state"] == "done"),
            "refused": next(one["id"] for one in statements if one["state"] == "failed"),
            "transfer": insider.call("orders.list_bank_transactions", {}, staff)["items"][0]["id"],
            "mail": insider.call("notifications.list_mails", {}, staff)["items"][0]["id"],
        }
    finally:
        insider.close()
    return World(manager, admin, learner, places)


def _place(program: Program, organisation: str, sku: str, quantity: int) -> Any:
    lines = [{"sku": sku, "quantity": quantity}]
    return program.post("/orders", {"organisation_id": organisation, "lines": lines, "language": "bg"})


def _mt940(iban: str, entries: Sequence[tuple[str, str]]) -> bytes:
    """A statement of these amounts and texts."""
    total = sum(Decimal(amount) for amount, _ in entries)
    lines = [f":20:{uuid4().hex[:12]}", f":25:{iban}", ":28C:77/1", ":60F:C260301EUR0,00"]
    for amount, text in entries:
        lines += [f":61:2603020302C{amount.replace('.', ',')}NTRF{uuid4().hex[:12]}", f":86:{text}"]
    return "\r\n".join([*lines, f":62F:C260302EUR{str(total).replace('.', ',')}", "-", ""]).encode()


def test_nothing_serious_on_pages_that_anyone_opens(window: Checked) -> None:
    for path in OPEN:
        window.visit(path)
    window.page.goto("/sign-in")
    window.press("main form button.button:not(.quiet)")
    window.look("/sign-in with faults")
    assert window.found == {}


def test_nothing_serious_on_the_managers_pages(window: Checked, world: World) -> None:
    seat(window, world.manager)
    for path in MANAGERS:
        window.visit(path.format_map(world.places))
    page = window.page
    page.goto("/management/licences/add")
    page.fill("#quantity-induction", "1.5")
    window.press("main form button.button")
    window.look("an order with a fault")
    page.goto("/management/users/new")
    page.fill("#email-1", "no address")
    window.press("main form button.button:not(.quiet)")
    window.look("people with faults")
    page.goto("/management/licences/maintenance-15h/participants")
    if page.locator("input[name=person]:enabled").count():
        page.locator("input[name=person]:enabled").first.check()
        window.press("main form .actions button")
        window.look("modules")
    numbers = [one["certificate_number"] for one in _results(world) if one["certificate_number"]]
    for number in numbers[:1]:
        window.visit(f"/certificates/{number}")
        window.visit(f"/certificates/check/{world.manager.get(f'/certificates/{number}')['check_code']}")
    assert window.found == {}


def _results(world: World) -> list[dict[str, Any]]:
    return list(world.manager.get(f"/organisations/{world.places['organisation']}/results")["items"])


def test_nothing_serious_on_the_learners_pages(window: Checked, world: World) -> None:
    seat(window, world.learner)
    training = f"/trainings/{world.places['training']}"
    module = f"{training}/{world.places['module']}"
    for path in ("/home", "/trainings", training, module, f"{module}/test"):
        window.visit(path)
    page = window.page
    page.goto(f"{module}/test")
    window.press("main form button.button")
    window.look("a test without answers")
    for question in page.locator("main fieldset").all():
        question.locator("input").first.check()
    window.press("main form button.button")
    window.look("a test's outcome")
    assert window.found == {}


def test_nothing_serious_on_the_staffs_pages(window: Checked, world: World) -> None:
    seat(window, world.admin)
    for path in STAFFS:
        window.visit(path.format_map(world.places))
    page = window.page
    page.goto("/work/accounts/new")
    window.press("main form button.button:not(.quiet)")
    window.look("an account with faults")
    assert window.found == {}


def test_nothing_serious_while_waiting_for_the_phone(stack: RunningStack, window: Checked) -> None:
    account = stack.accounts["manager"]
    page = window.page
    page.goto("/sign-in")
    page.fill("#login", account["login"])
    page.fill("#password", NEW_PASSWORD)
    window.press("main form button.button:not(.quiet)")
    code = re.search(r"\d\d", page.locator(".code").inner_text())
    assert code is not None
    window.look("waiting for the phone")
    approve(stack, account["phone"], code.group())
    page.wait_for_url(re.compile("/signed-in"))
    window.look("signed in")
    assert window.found == {}


def test_a_serious_fault_would_be_found(window: Checked) -> None:
    window.page.goto("/")
    window.page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input name=nameless>')")
    window.look("a field without a label")
    assert any(fault.startswith("label") for fault in window.found)
