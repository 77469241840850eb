"""The mail simulator's inbox: what arrived can be read, filtered and waited for."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient

from tests.simulators.mail.app import create_app
from tests.simulators.mail.inbox import Inbox


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def web(inbox: Inbox) -> FlaskClient:
    return create_app(inbox).test_client()


def deliver(inbox: Inbox, *, to: str = "elena@broker.example", subject: str = "Фактура", attach: bool = False) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "portal@operator.example", to
    message.set_content("Адресът е https://portal.example/certificates/1")
    message["Content-Language"] = "bg"
    message.add_alternative("<p>Адресът <script>alert(1)</script></p>", subtype="html")
    if attach:
        message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="фактура.pdf")
    inbox.receive(message.as_bytes(), "portal@operator.example", [to])


def test_letters_are_listed_newest_first_and_filtered_by_recipient(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox, subject="first")
    deliver(inbox, subject="second")
    deliver(inbox, to="other@broker.example")
    found = web.get("/api/messages?to=Elena@broker.example").json or []
    assert [letter["subject"] for letter in found] == ["second", "first"]


def test_text_html_language_and_attachments_are_told_apart(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox, attach=True)
    (letter,) = web.get("/api/messages").json or []
    assert letter["text"].startswith("Адресът е https://")
    assert letter["html"].startswith("<p>")
    assert letter["language"] == "bg"
    assert letter["attachments"] == [{"filename": "фактура.pdf", "content_type": "application/pdf", "size": 8}]


def test_an_attachment_is_given_as_it_came(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox, attach=True)
    response = web.get("/messages/1/attachments/1")
    assert (response.data, response.mimetype) == (b"%PDF-1.7", "application/pdf")
    assert web.get("/messages/1/attachments/2").status_code == 404


def test_the_html_body_may_run_nothing(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox)
    policy = web.get("/messages/1/html").headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_the_pages_show_the_letter(inbox: Inbox, web: FlaskClient) -> None:
    assert "No letters yet" in web.get("/").text
    deliver(inbox, attach=True)
    assert "Фактура" in web.get("/").text
    page = web.get("/messages/1").text
    assert 'href="https://portal.example/certificates/1"' in page
    assert "фактура.pdf" in page
    assert web.get("/messages/2").status_code == 404
    assert web.get("/messages/1/raw").data.startswith(b"Subject:")


def test_letters_of_one_recipient_can_be_thrown_away(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox)
    deliver(inbox, to="other@broker.example")
    web.delete("/api/messages?to=other@broker.example")
    assert [to for letter in inbox.letters() for to in letter.recipients] == ["elena@broker.example"]
    web.post("/empty")
    assert inbox.letters() == []


def test_waiting_ends_when_enough_letters_are_there(inbox: Inbox, web: FlaskClient) -> None:
    deliver(inbox)
    assert len(web.get("/api/messages?count=1&wait=20").json or []) == 1
    assert len(web.get("/api/messages?count=2&wait=0.01").json or []) == 1


def test_a_wrong_word_for_behaviour_is_named(web: FlaskClient) -> None:
    response = web.patch("/api/behaviour", json={"mood": "bad"})
    assert response.status_code == 400
    assert "mood" in (response.json or {})["error"]
    assert web.patch("/api/behaviour", json={"temporary_failures": 2}).status_code == 200
    assert (web.get("/api/behaviour").json or {})["temporary_failures"] == 2
