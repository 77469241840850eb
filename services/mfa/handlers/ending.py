"""Ends what time has ended, and takes pushes back that nobody waits for."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from libs.messaging.fail_points import reach
from libs.messaging.work import WorkFactory
from services.mfa.adapters.push import ProviderFailed, PushProvider
from services.mfa.handlers.claims import MOST_AT_ONCE, Claim, claim, each, locked
from services.mfa.model import OPEN, Challenge

LONGEST_WAIT_SECONDS = 30.0


def expire_due(open_work: WorkFactory) -> bool:
    """Expires every open challenge past its deadline, by our clock; True where more may be due."""
    with open_work() as work:
        overdue = work.session.execute(
            select(Challenge.id, Challenge.correlation_id)
            .where(Challenge.state.in_(OPEN), Challenge.expires_at <= work.now())
            .limit(MOST_AT_ONCE)
        ).all()
    for challenge_id, correlation_id in overdue:
        _expire(open_work, challenge_id, correlation_id)
    return len(overdue) == MOST_AT_ONCE


def _expire(open_work: WorkFactory, challenge_id: UUID, correlation_id: str) -> None:
    with open_work(correlation_id=correlation_id) as work:
        challenge = locked(work, challenge_id)
        if challenge.is_open and work.now() >= challenge.expires_at:
            challenge.expire(work.now())
            work.wake("withdraw")


def withdraw_due(open_work: WorkFactory, provider: PushProvider) -> bool:
    """Tells the provider to take pushes back; True where more may be due."""
    return each(
        claim(open_work, Challenge.withdrawal_due_at),
        lambda claimed: _withdraw(open_work, provider, claimed),
    )


def _withdraw(open_work: WorkFactory, provider: PushProvider, claimed: Claim) -> None:
    failed = False
    try:
        provider.withdraw(claimed.thread_id or "")  # answered already or not: it is no longer on the phone
    except ProviderFailed:
        failed = True
    reach("job.after_talk")
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if failed:
            wait = min(2.0**challenge.withdrawal_tries, LONGEST_WAIT_SECONDS)
            challenge.postpone_withdrawal(work.now(), timedelta(seconds=wait))
        else:
            challenge.withdrawal_done()
            work.wake("ask")
