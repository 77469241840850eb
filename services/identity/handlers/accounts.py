"""Accounts: issued, corrected, given a new password, closed."""

from uuid import UUID

from libs.contracts.base import Nothing
from libs.contracts.errors import Conflict, Forbidden, Invalid, NotFound
from libs.contracts.identity import (
    ORGANISATION_ROLES,
    CloseAccount,
    CorrectPerson,
    IssueAccount,
    NewPerson,
    PersonView,
    ReissuePassword,
    SetLanguage,
)
from libs.messaging.work import Work
from services.identity.handlers.issuing import new_password
from services.identity.handlers.loading import locked_account, reserve_addresses, the_organisation
from services.identity.handlers.sessions import end_sessions
from services.identity.handlers.sign_in import end_open_attempts
from services.identity.model import Account
from services.identity.model.account import IssuedPassword, folded
from services.identity.model.people import the_person
from services.identity.queries import person_view, taken_addresses
from services.identity.settings import operator


def issue(work: Work, command: IssueAccount) -> PersonView:
    """Issue an account: managers issue members of their own organisation, clerks all of any, admins staff as well."""
    _may_issue(work, command)
    return person_view(issue_with(work, command, new_password()))


def issue_with(work: Work, command: IssueAccount, password: IssuedPassword) -> Account:
    """Issue an account with this temporary password; raises :class:`Invalid` with the field that is wrong."""
    if command.role in ORGANISATION_ROLES:
        if command.organisation_id is None:
            raise Invalid.field("organisation_id", "required")
        the_organisation(work, command.organisation_id)
    person = the_person(_typed(command), operator().region)
    login = folded(command.login) or person.email
    reserve_addresses(work)
    taken = taken_addresses(work, {person.email, login})
    if person.email in taken:
        raise Invalid.field("email", "taken")
    if login in taken:
        raise Invalid.field("login", "taken")
    account = Account.issue(
        person,
        login=login,
        role=command.role,
        organisation_id=command.organisation_id,
        language=command.language,
        password=password,
        now=work.now(),
    )
    work.session.add(account)
    return account


def correct(work: Work, command: CorrectPerson) -> PersonView:
    """Correct a person's data."""
    account = _account_in_care(work, command.account_id)
    person = the_person(_typed(command), operator().region)
    reserve_addresses(work)
    if person.email != account.email and taken_addresses(work, {person.email}) - {account.login}:
        raise Invalid.field("email", "taken")
    account.correct(person)
    return person_view(account)


def reissue(work: Work, command: ReissuePassword) -> Nothing:
    """Send a new temporary password; the old password, the sessions and any attempt end."""
    account = _account_in_care(work, command.account_id)
    account.reissue(new_password(), work.now())
    _sign_out_everywhere(work, account.id)
    return Nothing()


def close(work: Work, command: CloseAccount) -> Nothing:
    """End an account."""
    account = _account_in_care(work, command.account_id)
    account.close(work.now())
    _sign_out_everywhere(work, account.id)
    return Nothing()


def set_language(work: Work, command: SetLanguage) -> Nothing:
    """Choose the language of one's own mails and pages."""
    locked_account(work, work.caller.account_id).speak(command.language)
    return Nothing()


def _may_issue(work: Work, command: IssueAccount) -> None:
    caller = work.caller
    if caller.has("admin"):
        return
    if command.role not in ORGANISATION_ROLES:
        raise Forbidden
    if caller.has("clerk"):
        return
    caller.require("manager")
    if command.organisation_id is None or command.organisation_id != caller.organisation_id:
        raise NotFound
    if command.role != "member":
        raise Forbidden


def _account_in_care(work: Work, account_id: UUID) -> Account:
    """The account, if the caller may look after it: foreign ones are not found, one's own is refused."""
    caller = work.caller
    caller.require("manager", "clerk", "admin")
    account = locked_account(work, account_id)
    if account.id == caller.account_id:
        raise Conflict("own_account", "Somebody else has to do this to your account.")
    if caller.has("admin") or (caller.has("clerk") and not account.staff_roles):
        return account
    if account.staff_roles or account.organisation_id is None:
        raise Forbidden if caller.has("clerk") else NotFound
    caller.require_manager_of(account.organisation_id)
    return account


def _sign_out_everywhere(work: Work, account_id: UUID) -> None:
    end_open_attempts(work, account_id)
    end_sessions(work, account_id)


def _typed(command: IssueAccount | CorrectPerson) -> NewPerson:
    return NewPerson(
        given_name=command.given_name, family_name=command.family_name, email=command.email, phone=command.phone
    )
