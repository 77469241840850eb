"""Looks at the provider what became of pushes: the only source of an approval."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import update

from libs.messaging.fail_points import reach
from libs.messaging.work import Work, WorkFactory
from services.mfa.adapters.push import Answer, Finding, NotAuthorised, ProviderFailed, PushProvider, Refused
from services.mfa.handlers.claims import Claim, claim, each, locked
from services.mfa.model import Challenge, State
from services.mfa.settings import mfa_settings

MOST_NOT_FOUND = 15
WAIT_NOT_FOUND = timedelta(seconds=3)
MOST_REFUSALS = 5
LONGEST_WAIT_SECONDS = 10.0

ENDS: dict[Answer, Callable[[Challenge, datetime], None]] = {
    Answer.APPROVED: Challenge.approve,
    Answer.REFUSED: Challenge.reject,
    Answer.WRONG_FACE: Challenge.reject,  # somebody else holds the phone: weighs like a refusal
    Answer.EXPIRED: Challenge.expire,
    Answer.FAILED: Challenge.give_up,
    Answer.UNDELIVERABLE: Challenge.give_up,
    Answer.WITHDRAWN: Challenge.give_up,
}


def look_at_due(open_work: WorkFactory, provider: PushProvider) -> bool:
    """Asks for the state of every push whose next look is due; True where more may be due."""
    return each(
        claim(open_work, Challenge.due_at, Challenge.state == State.PENDING),
        lambda claimed: _look(open_work, provider, claimed),
    )


def look_soon(open_work: WorkFactory, transaction_id: str) -> None:
    """A hint that something happened; unknown and settled transactions change nothing."""
    with open_work() as work:
        work.session.execute(
            update(Challenge)
            .where(Challenge.transaction_id == transaction_id, Challenge.state == State.PENDING)
            .values(due_at=work.now())
        )
        work.wake("look")


def _look(open_work: WorkFactory, provider: PushProvider, claimed: Claim) -> None:
    finding: Finding | ProviderFailed
    try:
        finding = provider.look(claimed.transaction_id or "")
    except ProviderFailed as failure:
        finding = failure
    reach("job.after_talk")
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if challenge.state != State.PENDING:
            return
        if work.now() >= challenge.expires_at:
            challenge.expire(work.now())
        elif isinstance(finding, Finding):
            _note(work, challenge, finding)
        else:
            _note_failure(work, challenge, finding)


def _note(work: Work, challenge: Challenge, finding: Finding) -> None:
    if finding.status is not None:
        challenge.note_vendor(finding.status, finding.reject_reason)
    if finding.answer in ENDS:
        ENDS[finding.answer](challenge, work.now())
        work.wake("withdraw")
    elif finding.answer == Answer.WAITING:
        challenge.look_again(work.now() + timedelta(seconds=mfa_settings().poll_seconds))
    elif challenge.tries + 1 >= MOST_NOT_FOUND:
        challenge.give_up(work.now())
    else:  # a fresh document is unknown for a while
        challenge.postpone(work.now() + WAIT_NOT_FOUND)


def _note_failure(work: Work, challenge: Challenge, failure: ProviderFailed) -> None:
    """No answer proves nothing: we keep looking, more slowly, unless the provider will never answer us."""
    refused = isinstance(failure, Refused) and challenge.tries + 1 >= MOST_REFUSALS
    if refused or isinstance(failure, NotAuthorised):
        challenge.give_up(work.now())
        work.wake("withdraw")
    else:
        wait = min(mfa_settings().poll_seconds * 2**challenge.tries, LONGEST_WAIT_SECONDS)
        challenge.postpone(work.now() + timedelta(seconds=wait))
