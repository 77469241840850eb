"""Sends pushes: is the person known to the provider, may they be asked now, and then once and never again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from libs.chassis.logging import get_logger
from libs.chassis.operator import load_operator
from libs.chassis.settings import common_settings
from libs.messaging.fail_points import reach
from libs.messaging.work import Work, WorkFactory
from services.mfa.adapters.push import (
    CIRCUIT_OPEN,
    ProviderFailed,
    PushProvider,
    Receipt,
    Refused,
    Standing,
    UnknownPerson,
)
from services.mfa.adapters.wording import describe
from services.mfa.handlers.claims import LEASE, Claim, claim, each, locked
from services.mfa.model import Challenge, KnownAccount, PushPolicy, State
from services.mfa.settings import mfa_settings

POLICY = PushPolicy()
PATIENCE_FOR_ACCOUNT = timedelta(seconds=15)  # the account's event may come after the sign-in's
MOST_CHECKS = 3
A_MOMENT = timedelta(milliseconds=500)

log = get_logger("mfa.asking")


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What the provider is asked to do."""

    phone: str
    description: str
    expires_at: datetime


def ask_due(open_work: WorkFactory, provider: PushProvider) -> bool:
    """The next step of every challenge whose push has not gone out; True where more may be due."""
    return each(
        claim(open_work, Challenge.due_at, Challenge.state.in_([State.REQUESTED, State.SENDING])),
        lambda claimed: _ask(open_work, provider, claimed),
    )


def _ask(open_work: WorkFactory, provider: PushProvider, claimed: Claim) -> None:
    with open_work(correlation_id=claimed.correlation_id) as work:
        errand = _prepare(work, locked(work, claimed.challenge_id))
    if errand is None:
        return
    try:
        standing = provider.standing_of(errand.phone)
    except ProviderFailed as failure:
        _note_failed_check(open_work, claimed, failure)
        return
    if not _begin(open_work, claimed, standing):
        return
    try:
        receipt = provider.send(errand.phone, errand.description, errand.expires_at)
        reach("job.after_talk")
    except ProviderFailed as failure:
        _note_failed_send(open_work, claimed, failure)
    else:
        _note_receipt(open_work, claimed, receipt)


def _prepare(work: Work, challenge: Challenge) -> Errand | None:
    """The errand, or None where the challenge ends here or has to wait."""
    now = work.now()
    if not challenge.is_open or challenge.state == State.PENDING:
        return None
    if now >= challenge.expires_at:
        challenge.expire(now)
    elif challenge.state == State.SENDING:
        # the process that was sending did not come back: the push may be out, and a second one must not follow
        log.warning("a push may have gone out without a receipt", challenge_id=str(challenge.id))
        challenge.give_up(now)
    else:
        return _prepare_new(work, challenge)
    return None


def _prepare_new(work: Work, challenge: Challenge) -> Errand | None:
    now = work.now()
    account = work.session.get(KnownAccount, challenge.account_id, with_for_update=True)
    if account is None and now < challenge.created_at + PATIENCE_FOR_ACCOUNT:
        challenge.wait(now + A_MOMENT)
    elif account is None or account.closed:
        challenge.give_up(now)
    elif account.phone is None:
        challenge.miss(now)
    elif not _held_back(work, challenge):
        return _errand(work, challenge, account.phone, account.language)
    return None


def _held_back(work: Work, challenge: Challenge) -> bool:
    now = work.now()
    earlier = _earlier(work, challenge)
    if any(one.withdrawal_due_at is not None or one.is_being_sent(now) for one in earlier):
        challenge.wait(now + A_MOMENT)
        return True
    unseen = [one.expires_at for one in earlier if one.lies_unseen(now)]
    retry_at = max(unseen, default=None) or POLICY.retry_at(
        now,
        asked=[one.sent_at for one in earlier if one.sent_at and one.state != State.APPROVED],
        refused=_refusals(earlier),
    )
    if retry_at is not None:
        challenge.withhold(now, retry_at)
    return retry_at is not None


def _earlier(work: Work, challenge: Challenge) -> Sequence[Challenge]:
    """The account's other challenges that still matter, newest first."""
    return work.session.scalars(
        select(Challenge)
        .where(
            Challenge.account_id == challenge.account_id,
            Challenge.id != challenge.id,
            or_(Challenge.created_at > work.now() - POLICY.memory, Challenge.withdrawal_due_at.is_not(None)),
        )
        .order_by(Challenge.created_at.desc())
    ).all()


def _refusals(earlier: Sequence[Challenge]) -> list[datetime]:
    """When the person refused, since the last approval."""
    refusals = []
    for one in earlier:
        if one.state == State.APPROVED and one.reported_at is None:
            break
        if one.reported_at is not None:
            refusals.append(one.reported_at)
        elif one.state == State.REJECTED and one.settled_at is not None:
            refusals.append(one.settled_at)
    return refusals


def _errand(work: Work, challenge: Challenge, phone: str, language: str) -> Errand:
    description = describe(
        load_operator(common_settings().operator).name,
        challenge.code,
        work.now(),
        language=language,
        time_zone=mfa_settings().time_zone,
    )
    return Errand(phone=phone, description=description, expires_at=challenge.expires_at)


def _begin(open_work: WorkFactory, claimed: Claim, standing: Standing) -> bool:
    """Marks the push as on its way, in a transaction that is over before it is sent."""
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if challenge.state != State.REQUESTED:
            return False
        if standing != Standing.READY:
            log.info("the person cannot be asked", challenge_id=str(challenge.id), standing=str(standing))
            challenge.miss(work.now())
            return False
        challenge.begin_sending(work.now(), work.now() + LEASE)
        return True


def _note_failed_check(open_work: WorkFactory, claimed: Claim, failure: ProviderFailed) -> None:
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if challenge.state != State.REQUESTED:
            return
        hopeless = isinstance(failure, Refused) or failure.reason == CIRCUIT_OPEN
        if hopeless or challenge.tries + 1 >= MOST_CHECKS:
            challenge.give_up(work.now())
        else:
            challenge.postpone(work.now() + timedelta(seconds=1))


def _note_failed_send(open_work: WorkFactory, claimed: Claim, failure: ProviderFailed) -> None:
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if not failure.perhaps_done:
            challenge.note_not_sent()
        else:
            challenge.wait(work.now())  # nobody waits for a receipt any more
        if challenge.state != State.SENDING:
            return
        if isinstance(failure, UnknownPerson):
            challenge.miss(work.now())
        else:
            challenge.give_up(work.now())


def _note_receipt(open_work: WorkFactory, claimed: Claim, receipt: Receipt) -> None:
    with open_work(correlation_id=claimed.correlation_id) as work:
        challenge = locked(work, claimed.challenge_id)
        if challenge.state == State.SENDING:
            first_look = work.now() + timedelta(seconds=mfa_settings().poll_seconds)
            challenge.issue(receipt.transaction_id, receipt.thread_id, look_at=first_look)
        else:
            challenge.note_late_push(receipt.transaction_id, receipt.thread_id, work.now())
            work.wake("withdraw")
