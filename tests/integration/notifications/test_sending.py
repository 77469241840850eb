"""Mails go out, are tried again, are given up visibly, and forget their secrets."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from services.notifications import settings
from services.notifications.adapters import smtp
from services.notifications.handlers import sending
from services.notifications.model.mail import BACK_OFF, Mail
from services.notifications.projections import Account
from services.notifications.views import view_of
from tests.faults.proxy import Proxy, Way, Weather
from tests.support.builders.notifications import (
    MailRoom,
    configure_notifications,
    events_about,
    mail_room,
)
from tests.support.databases import Databases
from tests.support.eventually import eventually


def header(letter: object, name: str) -> str:
    return dict(letter.headers)[name]


def owed_one_mail(room: MailRoom, **account: str) -> None:
    room.hear(events_about(room.knows(**account))["order_cancelled"])


def test_a_letter_has_the_headers_that_mail_servers_and_people_look_for(room: MailRoom) -> None:
    owed_one_mail(room)
    room.send()

    (letter,) = room.letters()
    (mail,) = room.mails()
    assert header(letter, "From") == "Учебен център Пример <support@example.org>"
    assert header(letter, "To") == "Елена Димитрова <elena.dimitrova@broker.example>"
    assert header(letter, "Message-ID") == f"<{mail.id}@example.org>"
    assert header(letter, "Auto-Submitted") == "auto-generated"
    assert header(letter, "Date")
    assert letter.sender == "support@example.org"


@pytest.mark.parametrize("name", ["Елена\r\nBcc: thief@evil.example", "Елена\nSubject: x", 'E"; <a@b.example>,'])
def test_a_name_cannot_smuggle_a_header_or_a_recipient(room: MailRoom, name: str) -> None:
    owed_one_mail(room, given_name=name)
    room.send()

    (letter,) = room.letters()
    assert letter.recipients == ("elena.dimitrova@broker.example",)
    names = [header_name for header_name, _ in letter.headers]
    assert "Bcc" not in names
    assert names.count("Subject") == names.count("To") == 1
    assert "2026-000042" in letter.subject


@pytest.mark.parametrize("address", ["not an address", "a@b@c.example", "x@y.example\r\nBcc: z@evil.example", ""])
def test_an_address_no_mail_can_go_to_is_given_up_at_once(room: MailRoom, address: str) -> None:
    owed_one_mail(room, email=address)
    room.send()

    (mail,) = room.mails()
    assert (mail.state, mail.last_error) == ("given_up", "the address is not one that mail can be sent to")


def test_a_refused_recipient_is_given_up_at_once_and_others_are_served(room: MailRoom) -> None:
    room.inbox.behaviour.refused_recipients = ("gone@broker.example",)
    owed_one_mail(room, email="gone@broker.example")
    owed_one_mail(room, email="here@broker.example")

    room.send()

    assert [(mail.state, mail.last_error) for mail in room.mails()] == [
        ("given_up", "550 5.1.1 No such mailbox"),
        ("sent", None),
    ]


def test_a_mail_that_is_put_off_is_tried_again_after_growing_waits(room: MailRoom) -> None:
    owed_one_mail(room)
    room.inbox.behaviour.temporary_failures = 3

    room.send()
    (mail,) = room.mails()
    assert (mail.state, mail.attempts, mail.last_error) == ("queued", 1, "451 4.3.0 Try again later")
    room.wait_and_send(BACK_OFF[0] - timedelta(seconds=1))
    assert room.mails()[0].attempts == 1
    room.wait_and_send(timedelta(seconds=1))
    assert room.mails()[0].attempts == 2
    room.wait_and_send(BACK_OFF[1])
    room.wait_and_send(BACK_OFF[2])

    (mail,) = room.mails()
    assert (mail.state, mail.attempts, mail.last_error) == ("sent", 4, None)
    assert len(room.letters()) == 1


def test_after_the_last_attempt_a_mail_is_given_up_and_never_silently(room: MailRoom) -> None:
    owed_one_mail(room)
    room.inbox.behaviour.temporary_failures = 100

    room.send()
    for wait in BACK_OFF:
        assert room.mails()[0].state == "queued"
        room.wait_and_send(wait)

    (mail,) = room.mails()
    assert (mail.state, mail.attempts) == ("given_up", len(BACK_OFF) + 1)
    assert mail.last_error == "451 4.3.0 Try again later"
    room.wait_and_send(timedelta(days=30))
    assert room.mails()[0].attempts == len(BACK_OFF) + 1


@pytest.fixture
def way(room: MailRoom, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the mail server, which may be bad."""
    there = settings.settings().smtp_url
    with Proxy((there.host, there.port)) as proxy:
        configure_notifications(
            monkeypatch,
            SMTP_URL=f"smtp://127.0.0.1:{proxy.port}",
            SMTP_TIMEOUT="0.3",
            SMTP_REST_FIRST="2",
            SMTP_REST_MOST="5",
        )
        yield proxy


def _length_of_welcome(way: Proxy) -> int:
    """How many bytes the mail server says before it hears of the first mail."""
    with socket.create_connection(way.address, timeout=5) as line:
        greeting = line.recv(4_096)
        line.sendall(b"ehlo tester\r\n")
        answer = line.makefile("rb")
        said = iter(answer.readline, b"")
        return len(greeting) + sum(len(one) for one in _one_answer(said))


def _one_answer(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of one answer: the last has a space after its code."""
    for one in lines:
        yield one
        if one[3:4] == b" ":
            return


def test_a_mail_server_that_is_away_costs_no_mail_an_attempt_and_loses_none(room: MailRoom, way: Proxy) -> None:
    for number in range(5):
        owed_one_mail(room, email=f"p{number}@broker.example")
    way.behave(Weather(way=Way.REFUSE))

    assert room.send() is False

    assert [mail.attempts for mail in room.mails()] == [0] * 5
    assert "not reachable" in (room.mails()[0].last_error or "")
    way.behave()
    room.wait_and_send(timedelta(seconds=2))
    assert [(mail.state, mail.attempts, mail.last_error) for mail in room.mails()] == [("sent", 1, None)] * 5
    assert len(room.letters()) == 5


@pytest.mark.parametrize("how", [Way.RESET, Way.HALF_OPEN])
def test_a_mail_server_that_accepts_and_says_nothing_is_away(room: MailRoom, way: Proxy, how: Way) -> None:
    owed_one_mail(room)
    way.behave(Weather(way=how))

    room.send()

    assert [(mail.state, mail.attempts) for mail in room.mails()] == [("queued", 0)]
    way.behave()
    room.wait_and_send(timedelta(seconds=2))
    assert len(room.letters()) == 1


def test_a_mail_server_that_is_away_is_not_knocked_at_by_every_mail(room: MailRoom, way: Proxy) -> None:
    way.behave(Weather(way=Way.HALF_OPEN))
    owed_one_mail(room)
    room.send()
    knocks = way.accepted

    for number in range(5):
        owed_one_mail(room, email=f"p{number}@broker.example")
        room.send()
    assert way.accepted == knocks
    for wait, knocked in ((2, 1), (3, 1), (1, 2), (5, 3)):  # rests of 2, 4 and, at most, 5 seconds
        room.wait_and_send(timedelta(seconds=wait))
        assert way.accepted == knocks + knocked


def test_a_line_that_breaks_at_one_mail_costs_that_mail_an_attempt_and_lets_others_pass(
    room: MailRoom, way: Proxy
) -> None:
    owed_one_mail(room, email="first@broker.example")
    way.behave(Weather(cut_after=_length_of_welcome(way) + 5))  # in the answer to MAIL
    room.send()
    assert [(mail.state, mail.attempts) for mail in room.mails()] == [("queued", 1)]

    way.behave()
    owed_one_mail(room, email="second@broker.example")
    room.wait_and_send(timedelta(seconds=2))
    assert [mail.state for mail in room.mails()] == ["queued", "sent"]
    room.wait_and_send(BACK_OFF[0])
    assert [mail.state for mail in room.mails()] == ["sent", "sent"]
    assert len(room.letters()) == 2


def test_a_line_that_breaks_after_the_letter_was_taken_means_at_most_a_recognisable_repeat(room: MailRoom) -> None:
    owed_one_mail(room)
    room.inbox.behaviour.drop_after_data = True
    room.send()
    assert [mail.state for mail in room.mails()] == ["queued"]

    room.inbox.behaviour.drop_after_data = False
    room.wait_and_send(BACK_OFF[0])

    first, second = room.letters()
    assert header(first, "Message-ID") == header(second, "Message-ID")
    assert [mail.state for mail in room.mails()] == ["sent"]


def test_the_database_may_go_away_while_a_letter_is_taken_and_it_is_not_sent_twice(
    room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed_one_mail(room)
    failures = iter(range(3))
    mark_sent = Mail.mark_sent

    def lose_the_connection_first(mail: Mail, now: datetime, **what: object) -> None:
        if next(failures, None) is not None:
            raise OperationalError("UPDATE mails", {}, psycopg.OperationalError("server closed the connection"))
        mark_sent(mail, now, **what)

    monkeypatch.setattr(Mail, "mark_sent", lose_the_connection_first)
    room.send()

    assert [mail.state for mail in room.mails()] == ["sent"]
    room.wait_and_send(sending.LEASE)
    assert len(room.letters()) == 1


def test_a_mail_in_hand_stays_ours_however_long_the_mail_server_takes(
    room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed_one_mail(room)
    monkeypatch.setattr(sending, "RENEW_SECONDS", 0.02)
    room.inbox.behaviour.slow_seconds = 1.0

    with ThreadPoolExecutor() as threads:
        slow = threads.submit(room.send)
        eventually(lambda: room.mails()[0].attempts == 1)
        room.database.clock.advance(sending.LEASE - timedelta(seconds=1))
        # renewed: the end of the lease is a whole lease away again
        due = room.database.clock.now() + sending.LEASE
        eventually(lambda: room.mails()[0].next_attempt_at == due)
        room.wait_and_send(timedelta(seconds=30))
        slow.result(10)

    assert len(room.letters()) == 1
    assert [(mail.state, mail.attempts) for mail in room.mails()] == [("sent", 1)]


class Killed(BaseException):
    """The process ends here."""


def test_a_process_killed_between_sending_and_recording_repeats_one_mail_with_the_same_id(
    room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed_one_mail(room, email="first@broker.example")
    owed_one_mail(room, email="second@broker.example")

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Mail, "mark_sent", die)
        with pytest.raises(Killed):
            room.send()
    room.send()
    assert len(room.letters("first@broker.example")) == 1, "nobody else may take the mail while its lease runs"
    assert len(room.letters("second@broker.example")) == 1, "what the dead process had not in hand waits for nobody"
    room.wait_and_send(sending.LEASE)

    assert [mail.state for mail in room.mails()] == ["sent", "sent"]
    first, repeat = room.letters("first@broker.example")
    assert header(first, "Message-ID") == header(repeat, "Message-ID")
    assert len(room.letters("second@broker.example")) == 1


def test_a_batch_goes_over_one_connection_and_what_is_more_in_the_next(
    room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(sending.BATCH + 5):
        owed_one_mail(room, email=f"p{number}@broker.example")
    opened: list[smtp.MailServer] = []
    connect = smtp.MailServer._connect

    def count(server: smtp.MailServer) -> smtplib.SMTP:
        opened.append(server)
        return connect(server)

    monkeypatch.setattr(smtp.MailServer, "_connect", count)

    assert room.send() is True
    assert (len(room.letters()), len(opened)) == (sending.BATCH, 1)
    assert room.send() is False
    assert (len(room.letters()), len(opened)) == (sending.BATCH + 5, 2)


def test_an_attachment_that_is_not_there_yet_is_waited_for(room: MailRoom) -> None:
    room.hear(events_about(room.knows())["invoice_issued"])
    invoice = room.documents.read("orders/0000000042.pdf")
    room.documents.delete("orders/0000000042.pdf")
    room.send()
    assert room.mails()[0].last_error == "an attachment is not in the document store"

    room.documents.put("orders/0000000042.pdf", invoice)
    room.wait_and_send(BACK_OFF[0])

    assert room.letters()[0].attachments[0].content == invoice


def test_an_address_outside_ascii_is_served_where_the_mail_server_can(room: MailRoom) -> None:
    owed_one_mail(room, email="елена@пример.example")
    room.send()

    assert room.letters()[0].recipients == ("елена@xn--e1afmkfd.example",)


def test_a_mail_that_cannot_be_worded_waits_for_a_mended_template_and_can_still_be_looked_at(room: MailRoom) -> None:
    owed_one_mail(room)
    with room.database.sessions.begin() as session:
        session.scalars(select(Mail)).one().context = {"happened_at": "2026-03-05T12:00:00+00:00"}

    room.send()

    (mail,) = room.mails()
    assert (mail.state, mail.attempts) == ("queued", 1)
    assert mail.last_error == "the mail cannot be worded: 'number' is undefined"
    assert view_of(mail, None).subject == "order_cancelled"
    with room.database.sessions() as session:
        assert view_of(mail, session.get(Account, mail.account_id)).subject == "order_cancelled"


def test_the_sender_can_be_set(service_database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = "Портал <no-reply@portal.example>"
    with mail_room(service_database("notifications"), tmp_path, monkeypatch, MAIL_FROM=sender) as room:
        owed_one_mail(room)
        room.send()

        assert header(room.letters()[0], "From") == sender
