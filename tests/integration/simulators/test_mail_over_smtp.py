"""The mail simulator as a sender meets it."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.simulators.mail.app import MailServer
from tests.simulators.mail.inbox import Behaviour


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def letter(to: str = "elena@broker.example") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Здравейте", "portal@operator.example", to
    message.set_content("Текст")
    return message


def send(mail: MailServer, *letters: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", mail.smtp_port, timeout=10) as line:
        for one in letters:
            line.send_message(one)


def test_a_letter_arrives(mail: MailServer) -> None:
    send(mail, letter())
    (kept,) = mail.inbox.wait_for("elena@broker.example", "здравейте", 1, 10)
    assert kept.text.strip() == "Текст"


def test_a_refused_recipient_is_550(mail: MailServer) -> None:
    mail.inbox.behaviour = Behaviour(refused_recipients=("nobody@broker.example",))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mail, letter("nobody@broker.example"))
    assert refused.value.recipients["nobody@broker.example"][0] == 550


def test_a_letter_is_put_off_as_often_as_planned(mail: MailServer) -> None:
    mail.inbox.behaviour = Behaviour(temporary_failures=1)
    with pytest.raises(smtplib.SMTPDataError) as put_off:
        send(mail, letter())
    assert put_off.value.smtp_code == 451
    send(mail, letter())
    assert len(mail.inbox.letters()) == 1


def test_a_dropped_line_keeps_the_letter_though_the_sender_learns_nothing(mail: MailServer) -> None:
    mail.inbox.behaviour = Behaviour(drop_after_data=True)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mail, letter())
    assert len(mail.inbox.letters()) == 1
