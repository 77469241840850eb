"""What a mail of the register may still become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.ids import new_id
from services.notifications.model.mail import BACK_OFF, GIVEN_UP, LONGEST_WAIT, QUEUED, SENT, AsSent, Mail

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
KEPT = AsSent(recipient="a@b.example", language="bg", subject="Тема", text="Текст")


def a_mail(state: str = QUEUED, attempts: int = 1) -> Mail:
    return Mail(
        id=new_id(),
        template="order_cancelled",
        state=state,
        attempts=attempts,
        attachments=[],
        sealed_secret=None,
        queued_at=NOW,
    )


@pytest.mark.parametrize("state", [SENT, GIVEN_UP])
def test_a_late_report_of_a_slower_sender_does_not_undo_what_was_settled(state: str) -> None:
    mail = a_mail(state)

    mail.try_later(NOW, "late")
    mail.give_up(NOW, "late")
    mail.wait(NOW, until=NOW, error="late")

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


def test_a_mail_whose_server_is_away_costs_no_attempt() -> None:
    mail = a_mail(attempts=0)
    mail.claim(NOW, timedelta(minutes=10))

    mail.wait(NOW, until=NOW + timedelta(seconds=2), error="away")

    assert (mail.attempts, mail.next_attempt_at, mail.last_error) == (0, NOW + timedelta(seconds=2), "away")


def test_a_mail_does_not_wait_for_ever_for_a_server_that_is_away() -> None:
    mail = a_mail(attempts=0)
    mail.queued_at = NOW - LONGEST_WAIT
    mail.claim(NOW, timedelta(minutes=10))
    mail.wait(NOW, until=NOW, error="away")
    assert mail.state == QUEUED

    later = NOW + timedelta(seconds=1)
    mail.claim(later, timedelta(minutes=10))
    mail.wait(later, until=later, error="away")

    assert (mail.state, mail.last_error) == (GIVEN_UP, "away")
    assert sum(BACK_OFF, timedelta()) < LONGEST_WAIT
