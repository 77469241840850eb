"""The main job in real browsers: order, pay, hand out seats, learn, certify."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pypdfium2  # type: ignore[import-untyped]
import pytest
import requests
from playwright.sync_api import Browser, expect

from libs.chassis.trainings import load_trainings
from tests.e2e.actors import Mailbox, Person, statement, transfer
from tests.e2e.answers import right_answers
from tests.support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

MODULES = (
    "life-and-savings",
    "motor-liability",
    "property",
    "needs-and-demands",
    "anti-money-laundering",
    "data-protection",
)
EMPLOYEES = (
    ("Анна", "Петрова", "anna.petrova@broker.example", "+359880000101"),
    ("Борис", "Илиев", "boris.iliev@broker.example", "+359880000102"),
    ("Вера", "Колева", "vera.koleva@broker.example", "+359880000103"),
)


@dataclass
class Payment:
    """What the order's page says about paying."""

    iban: str
    amount: str
    reference: str


@pytest.fixture(scope="module")
def manager(stack: RunningStack, browser: Browser) -> Iterator[Person]:
    account = stack.accounts["manager"]
    person = Person(browser, stack.urls, "manager", account["password"], account["phone"])
    person.sign_in(first=True)
    yield person
    person.page.context.close()


@pytest.fixture(scope="module")
def finance(stack: RunningStack, browser: Browser) -> Iterator[Person]:
    account = stack.accounts["finance"]
    person = Person(browser, stack.urls, "finance", account["password"], account["phone"])
    person.sign_in(first=True)
    yield person
    person.page.context.close()


def order(manager: Person) -> Payment:
    """Step 2: three seats of the training and two licences."""
    page = manager.page
    page.goto("/home")
    manager.follow("Order licences")
    page.fill("#quantity-maintenance-15h", "3")
    page.fill("#quantity-microsoft-365-a3", "2")
    manager.press("Order")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Order 20")
    facts = page.locator("dl.facts").first.inner_text()
    iban = "".join(re.findall(r"BG\d\d[ A-Z0-9]+", facts)[0].split())
    reference = "".join(re.findall(r"RF\d\d[ A-Z0-9]+", facts)[0].split())
    assert "259.20" in facts
    return Payment(iban, "259.20", reference)


def qr_text(page_image: bytes) -> str:
    """What a phone's camera reads."""
    picture = cv2.imdecode(np.frombuffer(page_image, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    enlarged = cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    return str(cv2.QRCodeDetector().detectAndDecode(enlarged)[0])


def pay(finance: Person, payment: Payment, form: str, folder: Path) -> None:
    """Step 3: the transfer arrives, finance uploads the statement and sees it matched."""
    transfer(finance.urls, iban=payment.iban, amount=payment.amount, reason=payment.reference)
    upload(finance, statement(finance.urls, payment.iban, form, folder))


def upload(finance: Person, file: Path) -> None:
    """Upload a statement and wait until its import is over; the page goes on by itself."""
    finance.page.goto("/work/bank-statements")
    finance.page.set_input_files("#file", str(file))
    finance.press("Upload")
    expect(finance.page.locator(".lead .badge")).to_have_text(re.compile("Done|Not taken in"), timeout=30_000)


def paste(person: Person, rows: Sequence[tuple[str, ...]]) -> None:
    """Paste rows copied from a spreadsheet into the first cell of the table."""
    text = "\r\n".join("\t".join(row) for row in rows) + "\r\n"
    person.page.locator("#given_name-1").focus()
    person.page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(paste);
        }""",
        text,
    )


def learn(person: Person, codes: tuple[str, ...]) -> None:
    """Step 6: read each module and pass its test."""
    page = person.page
    page.goto("/trainings")
    training_link = page.locator("main section.card h2 a").first
    person.look_until(training_link)
    training_link.click()
    training = page.url
    names = {module["code"]: module["name"]["en"] for module in load_trainings()["maintenance-15h"]["modules"]}
    for code in codes:
        page.goto(training)
        page.get_by_role("row").get_by_role("link", name=names[code], exact=True).click()
        assert len(page.locator("article.prose").inner_text()) > 500
        person.follow("To the test")
        answers = right_answers("maintenance-15h", code, "en")
        for question in page.locator("fieldset.field").all():
            text = re.sub(r"^\d+\.\s*", "", question.locator("legend").inner_text())
            question.get_by_label(answers[text], exact=True).check()
        person.press("Hand in")
        expect(page.locator("h1")).to_have_text(re.compile("Module passed|You have passed the training"))
    expect(page.locator("h1")).to_have_text("You have passed the training")


@pytest.mark.story(
    "MON-01", "MON-02", "MON-07", "MON-08", "MON-09", "MON-21", "MON-24", "MON-26", "MON-27", "MON-28", "MON-39",
    "MON-40", "MON-42", "INS-02", "INS-03", "INS-04", "INS-05", "INS-08", "INS-09", "INS-11", "INS-12", "INS-13",
    "INS-14", "INS-15", "INS-18", "INS-19", "INS-20", "INS-22", "INS-23", "INS-24", "INS-27", "INS-28", "INS-29",
    "INS-30", "INS-31", "INS-32", "INS-34", "INS-35", "INS-36", "INS-38", "INS-40", "INS-41", "INS-42", "INS-43",
)  # fmt: skip
def test_from_an_order_to_a_certificate_that_a_stranger_can_check(
    stack: RunningStack, browser: Browser, manager: Person, finance: Person, tmp_path: Path
) -> None:
    page, orderer = manager.page, Mailbox(stack.urls["mail"], "elena.dimitrova@broker.example")

    # 2: order; the same data by mail, with the proforma; the QR code says what the page says
    payment = order(manager)
    picture = page.locator("img.qr")
    expect(picture).to_be_visible()
    assert payment.reference in qr_text(picture.screenshot())
    proforma = orderer.find(payment.reference[:4], "259,20")
    assert [name for name in proforma.attachments if name.endswith(".pdf")]
    assert "BG80" in proforma.text
    page.goto("/management/licences")
    assert "No licences yet" in page.locator("main").inner_text()

    # 3: the transfer is matched; confirmation and invoice by mail; the seats are there
    pay(finance, payment, "camt.053.001.08", tmp_path)
    assert finance.page.locator(".tile .figure").first.inner_text() == "1"
    invoice = orderer.find("0000000001", "259,20")
    assert [name for name in invoice.attachments if name.endswith(".pdf")]
    page.goto("/management/licences")
    manager.look_until(page.get_by_role("row").filter(has_text="Maintenance training").filter(has_text="0 of 3"))
    expect(page.get_by_role("row").filter(has_text="Microsoft 365 A3")).to_contain_text("0 of 2")

    # 4: employees pasted, faults beside their cells, corrected, added
    page.goto("/management/users/new")
    faulty = [EMPLOYEES[0], (*EMPLOYEES[1][:2], "boris.iliev(at)broker.example", EMPLOYEES[1][3]), EMPLOYEES[2]]
    paste(manager, faulty)
    manager.press("Check")
    expect(page.locator("#email-2-fault")).to_have_text("this is not an e-mail address")
    expect(page.get_by_role("alert")).to_contain_text("Row 2")
    for _, _, email, _ in EMPLOYEES:
        assert Mailbox(stack.urls["mail"], email).all() == []
    page.fill("#email-2", EMPLOYEES[1][2])
    manager.press("Check again")
    manager.press("Add")
    expect(page.locator(".notice.good")).to_contain_text("3 employees were added")
    passwords = {
        email: _issued_password(Mailbox(stack.urls["mail"], email).find(email, "парола").text)
        for _, _, email, _ in EMPLOYEES
    }

    # 5: tick two of them, choose modules of exactly 15 hours for each
    page.goto("/management/licences")
    page.get_by_role("row").filter(has_text="Maintenance training").get_by_role("link", name="Add participants").click()
    for _, _, email, _ in EMPLOYEES[:2]:
        page.get_by_role("checkbox", name=re.compile(re.escape(email))).check()
    manager.press("Continue to the modules")
    confirm = page.locator("#confirm")
    expect(confirm).to_be_disabled()
    cards = page.locator("fieldset[data-person]")
    for code in MODULES[:-1]:
        cards.first.locator(f'input[value="{code}"]').check()
    expect(cards.first.locator("[data-balance]")).to_have_text("1:30 hours are missing")
    expect(confirm).to_be_disabled()
    cards.first.locator(f'input[value="{MODULES[-1]}"]').check()
    manager.press("Give the same modules to everybody")
    expect(confirm).to_be_enabled()
    confirm.click()
    expect(page.locator(".notice.good")).to_contain_text("2 people were added")
    expect(page.get_by_role("row").filter(has_text="Maintenance training")).to_contain_text("2 of 3")
    page.goto("/management/trainings")
    manager.look_until(page.get_by_role("row").filter(has_text="Анна").filter(has_text="Not begun"))

    # 6: Anna signs in for the first time, finds the training, learns
    anna = Person(browser, stack.urls, EMPLOYEES[0][2], passwords[EMPLOYEES[0][2]], EMPLOYEES[0][3])
    anna.phone.register()
    anna.sign_in(first=True)
    learn(anna, MODULES)

    # 7: the certificate, for her, for the manager, for anybody
    mailbox = Mailbox(stack.urls["mail"], EMPLOYEES[0][2])
    mailbox.find("Поддържащо обучение", "15")
    anna.page.goto("/trainings")
    number = _certificate_number(anna)
    mailbox.find(number)
    pdf = anna.page.context.request.get(f"/certificates/{number}.pdf").body()
    address = _qr_of_pdf(pdf)
    stranger = browser.new_context(locale="en-GB").new_page()
    stranger.goto(f"{address}?lang=en")
    expect(stranger.locator("h1")).to_have_text("This certificate is valid")
    expect(stranger.locator("main")).to_contain_text("Анна Петрова")
    page.goto("/management/trainings")
    row = page.get_by_role("row").filter(has_text="Анна")
    expect(row).to_contain_text("Passed")
    row.get_by_role("link", name=number).click()
    expect(page.locator("main")).to_contain_text("Анна Петрова")
    assert page.context.request.get(f"/certificates/{number}.pdf").body() == pdf
    assert page.get_by_role("row").filter(has_text="Борис").count() == 0
    stranger.context.close()
    anna.page.context.close()


def _issued_password(text: str) -> str:
    found = re.search(r"\b[a-z0-9]{4}(?:-[a-z0-9]{4}){3}\b", text)
    assert found is not None, text
    return found.group()


def _certificate_number(person: Person) -> str:
    link = person.page.get_by_role("link", name="Certificate (PDF)").first
    person.look_until(link)
    address = link.get_attribute("href")
    assert address is not None
    return address.rpartition("/")[2].removesuffix(".pdf")


def _qr_of_pdf(pdf: bytes) -> str:
    assert pdf.startswith(b"%PDF")
    sheet = pypdfium2.PdfDocument(pdf)[0]
    for scale in (2, 3, 4, 5):
        image = sheet.render(scale=scale).to_numpy()
        height, width = image.shape[:2]
        # a camera is held over the code, which stands low in the middle
        held = image[int(height * 0.72) : int(height * 0.95), int(width * 0.4) : int(width * 0.6)]
        text = str(cv2.QRCodeDetector().detectAndDecode(held)[0])
        if "/certificates/check/" in text:
            return text
    raise AssertionError("the QR code of the certificate cannot be read")


@pytest.mark.story("INS-10", "INS-06")
@pytest.mark.parametrize("form", ["camt.053.001.02", "camt.053.001.04", "mt940"])
def test_every_format_of_statement_pays_an_order_and_a_second_upload_changes_nothing(
    manager: Person, finance: Person, tmp_path: Path, form: str
) -> None:
    payment = order(manager)
    address = manager.page.url
    pay(finance, payment, form, tmp_path)
    manager.page.goto(address)
    expect(manager.page.locator(".lead .badge")).to_have_text("Paid")
    licences = manager.page.context.request.get("/management/licences").text()
    upload(finance, statement(finance.urls, payment.iban, form, tmp_path))
    figures = finance.page.locator(".tile .figure").all_inner_texts()
    assert figures[0] == "0"
    assert int(figures[2]) >= 1
    assert _counts(manager.page.context.request.get("/management/licences").text()) == _counts(licences)


def _counts(page: str) -> list[str]:
    return re.findall(r'<td class="n"[^>]*>(?:<b>)?([\d\s]+)', page)


@pytest.mark.story("MON-41", "MON-43")
def test_the_catalogue_orders_too_and_nobody_orders_without_signing_in(manager: Person, browser: Browser) -> None:
    manager.page.goto("/home")
    manager.follow("Licence catalogue")
    manager.page.fill("#quantity-power-bi-pro", "1")
    manager.press("Order")
    expect(manager.page.locator("h1")).to_contain_text("Order 20")
    stranger = requests.get(f"{manager.urls['portal']}management/licences/add", timeout=10, allow_redirects=False)
    assert stranger.status_code == 302
    assert "/sign-in" in stranger.headers["Location"]
