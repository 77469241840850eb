"""What staff see of the mails and do with them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from libs.contracts.notifications import GetMail, ListMails, Mails, MailView, ResendMail
from services.notifications import queries
from services.notifications.handlers import register, sending
from tests.support.builders.notifications import PASSWORD, MailRoom, an_account, events_about


def somebody(*roles: str) -> Principal:
    return Principal(account_id=new_id(), session_id=new_id(), roles=frozenset(roles))


def listed(room: MailRoom, query: ListMails | None = None) -> Mails:
    with room.database.open_work(principal=somebody("clerk"), read_only=True) as work:
        return queries.list_mails(work, query or ListMails())


def looked_at(room: MailRoom, mail_id: UUID) -> MailView:
    with room.database.open_work(principal=somebody("clerk"), read_only=True) as work:
        return queries.get_mail(work, GetMail(mail_id=mail_id))


def resend(room: MailRoom, mail_id: UUID) -> MailView:
    with room.database.open_work(principal=somebody("admin")) as work:
        return register.resend_mail(work, ResendMail(mail_id=mail_id))


@pytest.fixture
def mixed(room: MailRoom) -> MailRoom:
    """One mail sent, one given up, one waiting for its turn and one for its reader."""
    room.inbox.behaviour.refused_recipients = ("gone@broker.example",)
    room.hear(events_about(room.knows())["invoice_issued"])
    room.hear(events_about(room.knows(email="gone@broker.example", given_name="Петър"))["order_declined"])
    room.send()
    room.hear(events_about(room.knows(email="next@broker.example", language="en"))["seat_assigned"])
    room.hear(events_about(new_id())["order_expired"])
    return room


def test_every_mail_is_found_with_its_state_newest_first(mixed: MailRoom) -> None:
    register = listed(mixed)

    assert [(item.template, item.state) for item in register.items] == [
        ("order_expired", "queued"),
        ("seat_assigned", "queued"),
        ("order_declined", "given_up"),
        ("invoice_issued", "sent"),
    ]
    assert (register.queued, register.sent, register.given_up) == (2, 1, 1)
    assert register.items[1].subject == "A training was added to your profile: Maintenance training, 15 hours"
    assert register.items[2].last_error == "550 5.1.1 No such mailbox"
    assert register.items[3].attachments == ["0000000042.pdf"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (ListMails(state="given_up"), ["order_declined"]),
        (ListMails(search="gone@"), ["order_declined"]),
        (ListMails(search="петър"), ["order_declined"]),
        (ListMails(search="0000000042"), ["invoice_issued"]),
        (ListMails(search="100%"), []),
        (ListMails(search="_"), ["order_expired", "seat_assigned", "order_declined", "invoice_issued"]),
        (ListMails(search="next@", state="sent"), []),
    ],
)
def test_mails_are_found_by_state_and_words(mixed: MailRoom, query: ListMails, found: list[str]) -> None:
    assert [item.template for item in listed(mixed, query).items] == found


def test_mails_are_found_by_person(mixed: MailRoom) -> None:
    person = mixed.mails()[2].account_id

    assert [item.template for item in listed(mixed, ListMails(account_id=person)).items] == ["seat_assigned"]


def test_pages_hold_every_mail_once(mixed: MailRoom) -> None:
    seen: list[UUID] = []
    token = None
    for _ in range(4):
        page = listed(mixed, ListMails(page_size=1, page_token=token))
        seen += [item.id for item in page.items]
        token = page.next_page_token

    assert token is None
    assert sorted(seen) == [mail.id for mail in mixed.mails()]


def test_a_page_that_cannot_be_is_refused(room: MailRoom) -> None:
    with pytest.raises(Invalid) as refusal:
        listed(room, ListMails(page_token="seven"))

    assert [fault.field for fault in refusal.value.faults] == ["page_token"]


def test_a_mail_can_be_read_as_it_was_sent_or_as_it_would_be(mixed: MailRoom) -> None:
    sent, _given_up, queued, waiting = (looked_at(mixed, mail.id) for mail in mixed.mails())

    assert sent.text is not None
    assert sent.text.split() == mixed.letters()[0].text.split()
    assert "Maintenance training, 15 hours" in (queued.text or "")
    assert (waiting.recipient, waiting.subject, waiting.text) == ("", "order_expired", "")


def test_the_register_never_answers_a_secret(room: MailRoom) -> None:
    room.hear(an_account())
    (mail,) = room.mails()
    before = looked_at(room, mail.id)
    room.send()
    after = looked_at(room, mail.id)

    for view in (before, after, *listed(room, ListMails(search="elena")).items):
        assert PASSWORD not in repr(view)
    assert "••••••••" in (before.text or "")
    assert "••••••••" in (after.text or "")


def test_staff_send_again_what_was_given_up_to_the_persons_present_address(mixed: MailRoom) -> None:
    mail_id = mixed.mails()[1].id
    assert looked_at(mixed, mail_id).can_resend
    mixed.inbox.behaviour.refused_recipients = ()

    answer = resend(mixed, mail_id)

    assert (answer.state, answer.attempts, answer.can_resend) == ("queued", 0, False)
    mixed.send()
    assert looked_at(mixed, mail_id).state == "sent"
    assert len(mixed.letters("gone@broker.example")) == 1


@pytest.mark.parametrize("position", [0, 2, 3], ids=["sent", "queued", "waiting"])
def test_only_what_was_given_up_can_be_sent_again(mixed: MailRoom, position: int) -> None:
    with pytest.raises(Conflict) as refusal:
        resend(mixed, mixed.mails()[position].id)

    assert refusal.value.code == "cannot_resend"
    assert [mail.state for mail in mixed.mails()] == ["sent", "given_up", "queued", "queued"]


def test_sign_in_data_cannot_be_sent_again_once_their_password_is_forgotten(room: MailRoom) -> None:
    room.inbox.behaviour.refused_recipients = ("elena.dimitrova@broker.example",)
    room.hear(an_account(password_expires_at=room.database.clock.now() + timedelta(days=1)))
    room.send()
    (mail,) = room.mails()
    assert looked_at(room, mail.id).can_resend

    room.database.clock.advance(timedelta(days=2))  # the password dies
    with room.database.open_work() as work:
        sending.erase_expired_secrets(work)

    assert not looked_at(room, mail.id).can_resend
    with pytest.raises(Conflict):
        resend(room, mail.id)


@pytest.mark.parametrize(
    ("principal", "refusal"),
    [(None, Unauthenticated), (somebody("manager"), Forbidden), (somebody("official"), Forbidden)],
    ids=["nobody", "manager", "official"],
)
def test_the_register_is_for_clerks_finance_and_admins(
    mixed: MailRoom, principal: Principal | None, refusal: type[Exception]
) -> None:
    mail_id = mixed.mails()[1].id
    with mixed.database.open_work(principal=principal) as work:
        with pytest.raises(refusal):
            queries.list_mails(work, ListMails())
        with pytest.raises(refusal):
            queries.get_mail(work, GetMail(mail_id=mail_id))
        with pytest.raises(refusal):
            register.resend_mail(work, ResendMail(mail_id=mail_id))


def test_a_mail_nobody_knows_is_not_found(room: MailRoom) -> None:
    with pytest.raises(NotFound):
        looked_at(room, new_id())
    with pytest.raises(NotFound):
        resend(room, new_id())
