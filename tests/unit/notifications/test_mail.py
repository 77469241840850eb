"""What a mail of the register may still become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.ids import new_id
from services.notifications.model.mail import BACK_OFF, GIVEN_UP, QUEUED, SENT, AsSent, Mail

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
KEPT = AsSent(recipient="a@b.example", language="bg", subject="Тема", text="Текст")


def a_mail(state: str = QUEUED, attempts: int = 1) -> Mail:
    return Mail(
        id=new_id(), template="order_cancelled", state=state, attempts=attempts, attachments=[], sealed_secret=None
    )


@pytest.mark.parametrize("state", [SENT, GIVEN_UP])
def test_a_late_report_of_a_slower_sender_does_not_undo_what_was_settled(state: str) -> None:
    mail = a_mail(state)

    mail.try_later(NOW, "late")
    mail.give_up(NOW, "late")
    mail.release(NOW)

    assert (mail.state, mail.attempts, mail.last_error) == (state, 1, None)


def test_a_mail_that_did_arrive_is_sent_even_if_it_was_given_up_meanwhile() -> None:
    mail = a_mail(GIVEN_UP)

    mail.mark_sent(NOW, kept=KEPT)

    assert (mail.state, mail.sent_at, mail.subject) == (SENT, NOW, "Тема")


def test_waits_grow_and_end() -> None:
    mail = a_mail(attempts=0)
    waits = []
    while mail.state == QUEUED:
        mail.claim(NOW, timedelta(minutes=10))
        mail.try_later(NOW, "451")
        if mail.next_attempt_at is not None:
            waits.append(mail.next_attempt_at - NOW)

    assert waits == list(BACK_OFF) == sorted(waits)
    assert (mail.state, mail.attempts) == (GIVEN_UP, len(BACK_OFF) + 1)


def test_a_mail_that_was_not_tried_costs_no_attempt() -> None:
    mail = a_mail(attempts=0)
    mail.claim(NOW, timedelta(minutes=10))

    mail.release(NOW)

    assert (mail.attempts, mail.next_attempt_at) == (0, NOW + BACK_OFF[0])
