"""Passwords stand in the letter alone, and are forgotten when they are sent or worth nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.crypto import generate_sealing_keys, seal
from services.notifications.handlers import sending
from tests.support.builders.notifications import PASSWORD, MailRoom, an_account


@pytest.mark.story("INS-15")
def test_a_password_is_in_the_letter_and_nowhere_else_once_it_was_sent(room: MailRoom) -> None:
    room.hear(an_account())
    assert PASSWORD not in str(vars(room.mails()[0]))

    room.send()

    assert PASSWORD in room.letters()[0].text
    assert PASSWORD in room.letters()[0].html
    (mail,) = room.mails()
    assert mail.sealed_secret is None
    assert PASSWORD not in str(vars(mail))
    assert "••••••••" in (mail.text or "")


def test_a_password_that_lost_its_worth_is_not_sent_and_is_forgotten(room: MailRoom) -> None:
    room.inbox.behaviour.temporary_failures = 1
    room.hear(an_account(password_expires_at=room.database.clock.now() + timedelta(minutes=1)))
    room.send()

    room.wait_and_send(timedelta(minutes=2))
    with room.database.open_work() as work:
        assert sending.erase_expired_secrets(work) is False

    (mail,) = room.mails()
    assert (mail.state, mail.last_error) == ("given_up", "the password it would tell is no longer valid")
    assert mail.sealed_secret is None
    assert room.letters() == []


def test_a_secret_sealed_for_somebody_else_is_tried_again_and_never_sent_as_it_is(room: MailRoom) -> None:
    room.hear(an_account(sealed_password=seal(PASSWORD, generate_sealing_keys()[1])))
    room.send()

    (mail,) = room.mails()
    assert (mail.state, mail.last_error) == ("queued", "the secret cannot be opened: the sealed text cannot be opened")
    assert room.letters() == []


def test_secrets_that_still_hold_are_kept_until_they_are_sent(room: MailRoom) -> None:
    room.hear(an_account(password_expires_at=datetime.now(UTC) + timedelta(days=14)))

    with room.database.open_work() as work:
        sending.erase_expired_secrets(work)

    assert room.mails()[0].sealed_secret is not None
