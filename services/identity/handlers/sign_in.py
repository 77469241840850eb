"""Signing in: name and password, the second factor's outcome, a session."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select, update

from libs.chassis.logging import get_logger
from libs.contracts.errors import NotFound, Unauthenticated
from libs.contracts.identity import BeginSignIn, CancelSignIn, CompleteSignIn, SessionView, SignInView
from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from libs.messaging.work import Work
from services.identity.handlers import throttling
from services.identity.handlers.apart import apart
from services.identity.handlers.loading import locked_account, locked_account_and_sign_in, locked_sign_in
from services.identity.model import Account, Credential, Session, SignIn, temporary_password
from services.identity.model import sign_in as states
from services.identity.model.account import CLOSED, folded
from services.identity.model.credential import is_dead
from services.identity.queries import session_view, sign_in_view
from services.identity.settings import hasher, settings

log = get_logger(__name__)

NOBODY = UUID(int=0)
KNOWN_NETWORK = timedelta(days=30)
EXPIRED_AT_ONCE = 100


def wrong_credentials() -> Unauthenticated:
    """The one answer to a wrong name, a wrong password, a closed account, a dead password and too many tries."""
    return Unauthenticated("wrong_credentials", "The name or the password is not right.")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What one look at the database says about a name; ``account_id`` is None where there is none."""

    account_id: UUID | None
    closed: bool
    digest: str
    expires_at: datetime | None
    failures: int
    admitted: bool
    account_key: str
    network_key: str


def begin(work: Work, command: BeginSignIn) -> SignInView:
    """Check name and password; begin an attempt. Until both are right nothing is told and nobody is asked."""
    with apart(work) as step:
        found = _look_up(step, command)
    if not _proves(found, command.password, work.now()):
        with apart(work) as step:
            throttling.count(step, found.network_key, settings().network_leniency)
        log.info("sign-in refused", known=found.account_id is not None, looked_at=found.admitted)
        raise wrong_credentials()
    outdated = not temporary_password.is_temporary(found.digest) and hasher().is_outdated(found.digest)
    fresh = hasher().hash(command.password) if outdated else None
    with apart(work) as step:
        return _open(step, command, found, fresh)


def cancel(work: Work, command: CancelSignIn) -> SignInView:
    """End the attempt from the browser that began it."""
    attempt = locked_sign_in(work, command.sign_in_id)
    attempt.show_to(command.browser_digest)
    attempt.cancel(work.now(), not_me=command.reason == "not_me")
    return sign_in_view(work, attempt)


def complete(work: Work, command: CompleteSignIn) -> SessionView:
    """Use an approval up for one session."""
    account, attempt = locked_account_and_sign_in(work, command.sign_in_id)
    attempt.show_to(command.browser_digest)
    attempt.complete(work.now())  # closing an account ends its attempts, so this one's holder is there
    account.last_signed_in_at = work.now()
    session = Session.start(
        account.id,
        digest=command.session_digest,
        device=attempt.device,
        network=attempt.network,
        now=work.now(),
        longest=settings().longest,
    )
    work.session.add(session)
    log.info("signed in", account_id=str(account.id), session_id=str(session.id))
    return session_view(session, settings().idle, current=session.id)


def approve(work: Work, event: ChallengeApproved) -> None:
    """The holder confirmed on the phone."""
    if attempt := _asked_about(work, event.sign_in_id, event.account_id):
        attempt.approve(event.approved_at, work.now(), settings().deadlines)


def reject(work: Work, event: ChallengeRejected) -> None:
    """The holder refused on the phone."""
    _fail(work, event.sign_in_id, event.account_id, states.REFUSED)


def not_registered(work: Work, event: FactorMissing) -> None:
    """The push provider does not know the holder."""
    _fail(work, event.sign_in_id, event.account_id, states.NOT_REGISTERED)


def not_answered(work: Work, event: ChallengeExpired) -> None:
    """The holder did not answer in time."""
    _fail(work, event.sign_in_id, event.account_id, states.EXPIRED)


def provider_unavailable(work: Work, event: ChallengeUnavailable) -> None:
    """The push provider could not be asked."""
    _fail(work, event.sign_in_id, event.account_id, states.UNAVAILABLE)


def withheld(work: Work, event: ChallengeWithheld) -> None:
    """No push was sent, to spare the holder."""
    _fail(work, event.sign_in_id, event.account_id, states.WITHHELD, retry_at=event.retry_at)


def expire_due(work: Work) -> bool:
    """Expire attempts past their deadline; True where there may be more."""
    due = work.session.scalars(
        select(SignIn)
        .where(SignIn.state.in_(states.OPEN), SignIn.expires_at <= work.now())
        .order_by(SignIn.expires_at)
        .limit(EXPIRED_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    for attempt in due:
        attempt.expire(work.now())
    return len(due) == EXPIRED_AT_ONCE


def end_open_attempts(work: Work, account_id: UUID) -> None:
    """Cancel whatever attempt of the account is under way."""
    under_way = select(SignIn).where(SignIn.account_id == account_id, SignIn.state.in_(states.OPEN)).with_for_update()
    for attempt in work.session.scalars(under_way):
        attempt.cancel(work.now())
    work.session.flush()  # the unique index allows the next attempt only after this one's end


def _look_up(work: Work, command: BeginSignIn) -> _Found:
    throttling.need_not_survive(work)
    login, network = folded(command.login), throttling.network_of(command.network)
    known = exists().where(
        Session.account_id == Account.id,
        Session.network == command.network,
        Session.created_at > work.now() - KNOWN_NETWORK,
    )
    row = work.session.execute(
        select(Account.id, Account.state, Credential.digest, Credential.expires_at, known.label("known"))
        .join(Credential)
        .where(func.lower(Account.login) == login)
    ).one_or_none()
    # Whoever guesses from elsewhere must not be able to keep the holder out of a network the holder is known in.
    account_key = throttling.key_of("account", login, network if row and row.known else "")
    network_key = throttling.key_of("network", network)
    admitted = throttling.is_open(work, network_key) and throttling.admit(
        work, account_key, settings().account_leniency
    )
    # The same statements for every name, so that the time taken tells nothing.
    counted = work.session.execute(
        update(Credential)
        .where(Credential.account_id == (row.id if row and admitted else NOBODY), Credential.expires_at.is_not(None))
        .values(failures=Credential.failures + 1)
        .returning(Credential.failures)
    ).scalar_one_or_none()
    return _Found(
        account_id=row.id if row else None,
        closed=bool(row and row.state == CLOSED),
        digest=row.digest if row else "",
        expires_at=row.expires_at if row else None,
        failures=(counted or 1) - 1,
        admitted=admitted,
        account_key=account_key,
        network_key=network_key,
    )


def _proves(found: _Found, password: str, now: datetime) -> bool:
    """Whether the password is right and may be used; one argon2 check whatever the answer."""
    issued = temporary_password.is_temporary(found.digest)
    if found.account_id is None or not found.admitted or found.closed or issued:
        hasher().waste(password)
    if found.account_id is None or not found.admitted or found.closed:
        return False
    if not issued:
        return hasher().verify(found.digest, password)
    dead = is_dead(found.expires_at, found.failures, now, settings().temporary_password_failures)
    return temporary_password.matches(found.digest, password) and not dead


def _open(work: Work, command: BeginSignIn, found: _Found, fresh_digest: str | None) -> SignInView:
    throttling.forgive(work, found.account_key)  # before the account: tries take their locks in this order too
    account = locked_account(work, found.account_id or NOBODY)
    if account.state == CLOSED or account.credential.digest != found.digest:
        raise wrong_credentials()
    if told_before := _begun_by(work, work.causation_id, account.id, command.browser_digest):
        return sign_in_view(work, told_before, account.login)
    account.credential.failures = 0
    if fresh_digest:
        account.credential.digest = fresh_digest
    end_open_attempts(work, account.id)
    attempt = SignIn.begin(
        account.id,
        browser_digest=command.browser_digest,
        network=command.network,
        device=command.device,
        must_change_password=account.credential.is_temporary,
        command_id=work.causation_id,
        now=work.now(),
        deadlines=settings().deadlines,
    )
    work.session.add(attempt)
    log.info("sign-in begun", account_id=str(account.id), sign_in_id=str(attempt.id), state=attempt.state)
    return sign_in_view(work, attempt, account.login)


def _begun_by(work: Work, command_id: str | None, account_id: UUID, browser_digest: str) -> SignIn | None:
    """The attempt that this very command began, where its first answer was lost on the way."""
    if command_id is None:
        return None
    begun = select(SignIn).where(
        SignIn.command_id == command_id, SignIn.account_id == account_id, SignIn.browser_digest == browser_digest
    )
    return work.session.scalars(begun).one_or_none()


def _asked_about(work: Work, sign_in_id: UUID, account_id: UUID) -> SignIn | None:
    try:
        attempt = locked_sign_in(work, sign_in_id)
    except NotFound:
        return None
    return attempt if attempt.account_id == account_id else None


def _fail(work: Work, sign_in_id: UUID, account_id: UUID, state: str, *, retry_at: datetime | None = None) -> None:
    if attempt := _asked_about(work, sign_in_id, account_id):
        attempt.fail(state, work.now(), retry_at=retry_at)
