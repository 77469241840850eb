"""What identity's sign-ins mean for challenges."""

from sqlalchemy import select

from libs.contracts.identity import SignInAwaitingFactor, SignInReported, SignInSettled
from libs.messaging.work import Work
from services.mfa.model import OPEN, Challenge, KnownAccount

GOOD_ENDS = frozenset({"approved", "completed"})


def request_challenge(work: Work, event: SignInAwaitingFactor) -> None:
    """Name and password were right: a push is owed; an older one of the same person is superseded."""
    work.session.get(KnownAccount, event.account_id, with_for_update=True)  # one sign-in of a person after the other
    if (known := _of_sign_in(work, event)) is not None:
        if not known.code:  # its end was heard of first
            known.code, known.expires_at = event.code, event.expires_at
        return
    challenge = _new(work, event)
    challenge.code, challenge.expires_at = event.code, event.expires_at
    other = work.session.scalar(
        select(Challenge).where(Challenge.account_id == event.account_id, Challenge.state.in_(OPEN)).with_for_update()
    )
    if other is not None:
        loser = challenge if other.expires_at > challenge.expires_at else other
        loser.give_up(work.now())
        work.session.flush()  # before the new row: one open challenge a person is the table's own rule
    work.session.add(challenge)
    work.wake("ask")
    work.wake("withdraw")


def end_challenge(work: Work, event: SignInSettled) -> None:
    """The sign-in is over, so its push is taken back; known before the sign-in itself, it forbids the push."""
    if event.state in GOOD_ENDS:
        return
    challenge = _of_sign_in(work, event)
    if challenge is None:
        challenge = _new(work, event)
        challenge.withdraw(work.now())
        work.session.add(challenge)
    elif challenge.is_open:
        end = Challenge.expire if event.state == "expired" else Challenge.withdraw
        end(challenge, work.now())
        work.wake("withdraw")


def report_challenge(work: Work, event: SignInReported) -> None:
    """The holder says it was somebody else: the push is taken back and the next one has to wait."""
    challenge = _of_sign_in(work, event)
    if challenge is None:
        challenge = _new(work, event)
        work.session.add(challenge)
    challenge.report(work.now())
    work.wake("withdraw")


def _of_sign_in(work: Work, event: SignInAwaitingFactor | SignInSettled | SignInReported) -> Challenge | None:
    return work.session.scalar(select(Challenge).where(Challenge.sign_in_id == event.sign_in_id).with_for_update())


def _new(work: Work, event: SignInAwaitingFactor | SignInSettled | SignInReported) -> Challenge:
    return Challenge.request(
        sign_in_id=event.sign_in_id,
        account_id=event.account_id,
        code="",
        expires_at=work.now(),
        now=work.now(),
        correlation_id=work.correlation_id,
    )
