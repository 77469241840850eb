"""Which event becomes which mail, once for each person."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from libs.chassis.ids import new_id
from libs.contracts.identity import AccountChanged, AccountClosed
from libs.contracts.orders import PaymentReceived
from services.notifications.handlers import mails
from tests.support.builders.notifications import MailRoom, an_account, euros, events_about


@pytest.mark.story("INS-34")
@pytest.mark.parametrize("template", sorted(events_about(new_id())))
def test_every_event_worth_a_mail_reaches_its_reader(room: MailRoom, template: str) -> None:
    reader = room.knows()

    room.hear(events_about(reader)[template], sequence=2)
    room.send()

    (mail,) = room.mails()
    assert (mail.template, mail.account_id, mail.state) == (template, reader, "sent")
    (letter,) = room.letters("elena.dimitrova@broker.example")
    assert letter.subject == mail.subject
    assert letter.language == "bg"
    assert letter.text
    assert letter.html


@pytest.mark.story("INS-10")
def test_the_same_events_five_times_in_any_order_are_one_mail_of_each_kind(room: MailRoom) -> None:
    reader = room.knows()
    deliveries = [(new_id(), event) for event in events_about(reader).values()] * 5
    random.Random(7).shuffle(deliveries)

    for number, (event_id, event) in enumerate(deliveries):
        room.hear(event, id=event_id)
        if number % 10 == 0:
            room.send()
    room.send()

    assert sorted(mail.template for mail in room.mails()) == sorted(events_about(reader))
    assert len(room.letters()) == len(events_about(reader))


def test_another_event_of_the_same_kind_is_another_mail(room: MailRoom) -> None:
    reader = room.knows()
    room.hear(events_about(reader)["seat_assigned"])
    room.hear(events_about(reader)["seat_assigned"])

    room.send()

    assert len(room.letters()) == 2


@pytest.mark.story("INS-05")
def test_the_transfer_data_go_to_the_orderer_with_the_proforma(room: MailRoom) -> None:
    orderer = room.knows()

    room.hear(events_about(orderer)["proforma_issued"])
    room.send()

    (letter,) = room.letters()
    for needed in ("BG80 BNBG 9661 1020 3456 78", "RF18 5390 0754 7034", "1\xa0240,40\xa0€"):
        assert needed in letter.text
    assert [(file.filename, file.content_type) for file in letter.attachments] == [
        ("proforma-42.pdf", "application/pdf")
    ]


@pytest.mark.story("INS-08")
def test_the_confirmation_of_the_payment_brings_the_invoice(room: MailRoom) -> None:
    orderer = room.knows(language="en")

    room.hear(events_about(orderer)["invoice_issued"])
    room.send()

    (letter,) = room.letters()
    assert letter.subject == "Order 2026-000042 is paid: invoice 0000000042"
    assert letter.attachments[0].filename == "0000000042.pdf"
    assert letter.attachments[0].content == room.documents.read("orders/0000000042.pdf")


def test_a_part_payment_is_acknowledged_and_a_whole_one_waits_for_its_invoice(room: MailRoom) -> None:
    orderer = room.knows()
    part = events_about(orderer)["payment_received"]
    assert isinstance(part, PaymentReceived)

    room.hear(part)
    room.hear(replace(part, paid=euros("1240.40"), owed=euros("0.00")))
    room.send()

    (letter,) = room.letters()
    assert "1\xa0140,40\xa0€" in letter.text


@pytest.mark.story("INS-15", "MON-08")
def test_everybody_whose_account_is_issued_gets_the_data_for_signing_in(room: MailRoom) -> None:
    people = [an_account(email=f"p{number}@broker.example", login=f"p{number}") for number in range(3)]
    for person in people:
        room.hear(person)

    room.send()

    for person in people:
        (letter,) = room.letters(person.email)
        assert person.login in letter.text
        assert "Кула-седем-42-река" in letter.text


def test_an_account_without_an_issued_password_brings_no_mail(room: MailRoom) -> None:
    room.hear(an_account(sealed_password=None))

    assert room.mails() == []


@pytest.mark.story("INS-34")
def test_a_mail_for_somebody_not_yet_known_waits_and_is_not_lost(room: MailRoom) -> None:
    stranger = new_id()
    room.hear(events_about(stranger)["seat_assigned"])
    room.send()
    assert [mail.state for mail in room.mails()] == ["queued"]

    room.hear(an_account(stranger, sealed_password=None, email="late@broker.example"))
    room.send()

    assert [letter.recipients for letter in room.letters()] == [("late@broker.example",)]


def changed(account: object, **changes: str) -> AccountChanged:
    data = {name: value for name, value in vars(account).items() if not name.startswith("password_")}
    del data["sealed_password"]
    return AccountChanged(**{**data, **changes})


def test_a_mail_goes_to_the_address_and_in_the_language_of_the_moment_it_is_sent(room: MailRoom) -> None:
    account = an_account(sealed_password=None)
    room.hear(account, sequence=1)
    room.hear(events_about(account.account_id)["order_cancelled"])

    room.hear(changed(account, email="new@broker.example", language="en"), sequence=3)
    room.hear(changed(account, email="old@broker.example"), sequence=2)
    room.send()

    (letter,) = room.letters()
    assert letter.recipients == ("new@broker.example",)
    assert letter.language == "en"
    assert letter.subject == "Order 2026-000042 is cancelled"


def test_a_language_without_mails_falls_back_to_the_operators(room: MailRoom) -> None:
    reader = room.knows(language="ru")

    room.hear(events_about(reader)["order_cancelled"])
    room.send()

    assert room.letters()[0].language == "bg"


@pytest.mark.parametrize("closed_first", [True, False])
def test_nothing_is_sent_to_a_closed_account_and_staff_see_why(room: MailRoom, closed_first: bool) -> None:
    account = an_account()
    events = [(AccountClosed(account_id=account.account_id), 9), (account, 1)]
    for event, sequence in events if closed_first else events[::-1]:
        room.hear(event, sequence=sequence)

    room.send()

    (mail,) = room.mails()
    assert (mail.state, mail.last_error) == ("given_up", "the account is closed")
    assert room.letters() == []


def test_the_register_holds_no_secret_and_no_name_of_its_own(room: MailRoom) -> None:
    room.hear(an_account())

    (mail,) = room.mails()
    for personal in ("sealed_password", "Елена", "elena.dimitrova", "+359880000001"):
        assert personal not in str(mail.context)


def test_a_mail_belongs_to_an_event_or_is_none(room: MailRoom) -> None:
    with room.database.open_work() as work, pytest.raises(RuntimeError, match="for an event"):
        mails.order_expired(work, events_about(new_id())["order_expired"])
