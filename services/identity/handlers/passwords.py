"""Changing passwords: the issued one at the first sign-in, one's own later."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from libs.contracts.base import Nothing
from libs.contracts.errors import Conflict, Invalid, NotFound, RateLimited
from libs.contracts.identity import ChangeIssuedPassword, ChangePassword, SignInView
from libs.messaging.work import Work
from services.identity.handlers import throttling
from services.identity.handlers.apart import apart
from services.identity.handlers.loading import locked_account, locked_account_and_sign_in
from services.identity.handlers.sessions import end_sessions
from services.identity.model import Account, Organisation, SignIn, temporary_password
from services.identity.model.password_rules import check_new_password
from services.identity.model.sign_in import AWAITING_FACTOR
from services.identity.queries import sign_in_view
from services.identity.settings import hasher, settings

WAIT_SECONDS = 60


def change_issued(work: Work, command: ChangeIssuedPassword) -> SignInView:
    """Put the holder's own password in place of the issued one, then ask for the second factor."""
    with apart(work) as step:
        attempt, account = _attempt_with_account(step, command)
        own_words = _own_words(step, account)
    if attempt.state_at(work.now()) == AWAITING_FACTOR and not account.credential.is_temporary:
        return _already_changed(work, command, attempt, account)
    attempt.demand_password_change(work.now())
    if temporary_password.matches(account.credential.digest, command.new_password):
        raise Invalid.field("new_password", "same_as_issued")
    check_new_password(command.new_password, own_words=own_words)
    digest = hasher().hash(command.new_password)
    with apart(work) as step:
        return _put_in_place(step, command, digest)


def change_own(work: Work, command: ChangePassword) -> Nothing:
    """Change one's own password while signed in; the other sessions end."""
    caller = work.caller
    key = throttling.key_of("password-change", str(caller.account_id))
    with apart(work) as step:
        admitted = throttling.admit(step, key, settings().account_leniency)
        account = _account(step, caller.account_id)
        own_words = _own_words(step, account)
    if not admitted:
        raise RateLimited(retry_after=WAIT_SECONDS)
    if not hasher().verify(account.credential.digest, command.current_password):
        if hasher().verify(account.credential.digest, command.new_password):
            return Nothing()  # the same change told twice, because the first answer was lost
        raise Invalid.field("current_password", "wrong_password")
    if command.new_password == command.current_password:
        raise Invalid.field("new_password", "same_as_current")
    check_new_password(command.new_password, own_words=own_words)
    digest = hasher().hash(command.new_password)
    with apart(work) as step:
        throttling.forgive(step, key)
        changed = locked_account(step, caller.account_id)
        if changed.credential.digest != account.credential.digest:
            raise Conflict("password_changed_meanwhile", "The password has been changed meanwhile.")
        changed.choose_password(digest, step.now())
        end_sessions(step, caller.account_id, but=caller.session_id)
    return Nothing()


def _attempt_with_account(work: Work, command: ChangeIssuedPassword) -> tuple[SignIn, Account]:
    attempt = work.session.get(SignIn, command.sign_in_id)
    if attempt is None:
        raise NotFound
    attempt.show_to(command.browser_digest)
    return attempt, _account(work, attempt.account_id)


def _account(work: Work, account_id: UUID) -> Account:
    options = [selectinload(Account.credential), selectinload(Account.memberships)]
    account = work.session.get(Account, account_id, options=options)
    if account is None:
        raise NotFound
    return account


def _already_changed(work: Work, command: ChangeIssuedPassword, attempt: SignIn, account: Account) -> SignInView:
    """The same change told twice, because the first answer was lost, gets the same answer; any other is refused."""
    if not hasher().verify(account.credential.digest, command.new_password):
        attempt.demand_password_change(work.now())
    return sign_in_view(work, attempt, account.login)


def _put_in_place(work: Work, command: ChangeIssuedPassword, digest: str) -> SignInView:
    account, attempt = locked_account_and_sign_in(work, command.sign_in_id)
    attempt.password_changed(work.now(), settings().deadlines)
    account.choose_password(digest, work.now())
    end_sessions(work, account.id)
    return sign_in_view(work, attempt, account.login)


def _own_words(work: Work, account: Account) -> list[str]:
    organisation = select(Organisation.name).where(Organisation.id == account.organisation_id)
    words = [account.login, account.email, account.given_name, account.family_name]
    return words + list(work.session.scalars(organisation))
