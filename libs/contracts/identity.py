"""What ``identity`` publishes: accounts, organisations, sign-ins, sessions.

Personal data travel in the ``account_*`` events of this file and nowhere else.
"""

from datetime import datetime
from uuid import UUID

from libs.contracts.base import Event, between, bounded, contract, event, one_of

LANGUAGES = ("bg", "en", "ru")
STAFF_ROLES = ("clerk", "finance", "official", "admin")
ORGANISATION_ROLES = ("member", "manager")

# --- sign-in ----------------------------------------------------------------------------------------------------


@contract
class BeginSignIn:
    """Name and password of somebody at a browser; the digest binds the attempt to that browser."""

    login: str = bounded(254, least=1)
    password: str = bounded(1024, least=1)
    browser_digest: str = bounded(64, least=64)
    network: str = bounded(64, default="")
    device: str = bounded(200, default="")


@contract
class SignInView:
    """Where an attempt stands.

    ``state``: ``password_change_required``, ``awaiting_factor``, ``approved`` (may be completed once), ``completed``,
    or an end: ``not_registered``, ``refused``, ``expired``, ``unavailable``, ``withheld``, ``cancelled``.
    ``code`` is the two-digit number shown in the browser and in the push; ``retry_at`` comes with ``withheld``.
    """

    id: UUID
    state: str
    expires_at: datetime
    code: str | None = None
    retry_at: datetime | None = None
    login: str | None = None


@contract
class ChangeIssuedPassword:
    """The change of an issued password that the first sign-in demands."""

    sign_in_id: UUID
    browser_digest: str = bounded(64, least=64)
    new_password: str = bounded(1024, least=1)


@contract
class GetSignIn:
    """Asks where an attempt stands; only for the browser that began it."""

    sign_in_id: UUID
    browser_digest: str = bounded(64, least=64)


@contract
class CompleteSignIn:
    """Trades an approved attempt, once, for a session whose token has this digest."""

    sign_in_id: UUID
    browser_digest: str = bounded(64, least=64)
    session_digest: str = bounded(64, least=64)


@contract
class CancelSignIn:
    """Ends an attempt from the browser; ``not_me`` also tells the account's holder."""

    sign_in_id: UUID
    browser_digest: str = bounded(64, least=64)
    reason: str = one_of("cancelled", "not_me", default="cancelled")


# --- sessions ---------------------------------------------------------------------------------------------------


@contract
class Authenticate:
    """Trades a session token's digest for a principal; counts as activity."""

    session_digest: str = bounded(64, least=64)


@contract
class PrincipalView:
    """Who is signed in: ``token`` is the signed principal that goes along in every RPC."""

    token: str
    token_expires_at: datetime
    session_id: UUID
    session_expires_at: datetime
    account_id: UUID
    name: str
    language: str
    roles: list[str]
    organisation_id: UUID | None = None
    organisation_name: str | None = None


@contract
class SessionView:
    """One signed-in browser of an account."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    device: str
    network: str
    current: bool


@contract
class SessionList:
    """All living sessions of the caller."""

    items: list[SessionView]


@contract
class EndSession:
    """Ends one own session, or the current one where no id is given."""

    session_id: UUID | None = None


@contract
class EndOtherSessions:
    """Ends all own sessions but the current one."""


@contract
class ChangePassword:
    """A change by a person who is signed in; ends the other sessions."""

    current_password: str = bounded(1024, least=1)
    new_password: str = bounded(1024, least=1)


@contract
class SetLanguage:
    """The language in which the caller wants mails and pages."""

    language: str = one_of(*LANGUAGES)


@contract
class ListSessions:
    """Asks for the caller's sessions."""


@contract
class GetMe:
    """Asks for the caller's own account."""


# --- accounts and organisations ---------------------------------------------------------------------------------


@contract
class NewPerson:
    """A row of people to add, as typed or pasted; checks name the cell, so lengths are generous here."""

    given_name: str = bounded(500, default="")
    family_name: str = bounded(500, default="")
    email: str = bounded(500, default="")
    phone: str = bounded(500, default="")


@contract
class CheckPeople:
    """Checks rows without saving anything."""

    organisation_id: UUID
    people: list[NewPerson] = bounded(5000, least=1)


@contract
class CellFault:
    """What is wrong with a cell of a row: ``required``, ``not_an_email``, ``not_a_phone``, ``too_long``,
    ``not_a_name``, ``repeated`` (``params.row``), ``taken``."""

    field: str
    code: str
    params: dict[str, str] = bounded(10, default={})


@contract
class PersonRow:
    """A checked row: the values as they would be saved and the faults of its cells; ``row`` counts from 1."""

    row: int
    values: NewPerson
    faults: list[CellFault]


@contract
class PeopleCheck:
    """The outcome of a check."""

    rows: list[PersonRow]
    good: int
    bad: int


@contract
class AddPeople:
    """Creates accounts for good rows, each with a mail of sign-in data.

    With ``only_good`` the bad rows are passed over and told; without it one bad row refuses the whole.
    """

    organisation_id: UUID
    people: list[NewPerson] = bounded(5000, least=1)
    only_good: bool = False


@contract
class AddedPeople:
    """What was created and what was not."""

    added: list["PersonView"]
    refused: list[PersonRow]


@contract
class PersonView:
    """A person as the organisation's manager and staff see them.

    ``state``: ``invited`` (issued password not yet changed), ``active``, ``closed``.
    """

    account_id: UUID
    login: str
    given_name: str
    family_name: str
    email: str
    phone: str
    roles: list[str]
    state: str
    created_at: datetime
    last_signed_in_at: datetime | None = None
    organisation_id: UUID | None = None
    language: str = "bg"


@contract
class ListPeople:
    """People of one organisation, by family name; ``search`` looks in names, addresses and phones."""

    organisation_id: UUID
    search: str = bounded(100, default="")
    account_ids: list[UUID] | None = None
    page_size: int = between(1, 500, default=200)
    page_token: str | None = None


@contract
class People:
    """A page of people."""

    items: list[PersonView]
    total: int
    next_page_token: str | None = None


@contract
class IssueAccount:
    """An account issued by staff: for a manager of an organisation, or for other staff (admin only)."""

    given_name: str = bounded(100, least=1)
    family_name: str = bounded(100, least=1)
    email: str = bounded(254, least=3)
    phone: str = bounded(40, least=3)
    role: str = one_of(*ORGANISATION_ROLES, *STAFF_ROLES)
    organisation_id: UUID | None = None
    login: str = bounded(254, default="")
    language: str = one_of(*LANGUAGES, default="bg")


@contract
class ReissuePassword:
    """A new temporary password for an account, by its manager or staff; ends its sessions."""

    account_id: UUID


@contract
class CloseAccount:
    """Ends an account: it can no longer sign in; its results stay."""

    account_id: UUID


@contract
class CorrectPerson:
    """A correction of a person's data by the manager or staff."""

    account_id: UUID
    given_name: str = bounded(100, least=1)
    family_name: str = bounded(100, least=1)
    email: str = bounded(254, least=3)
    phone: str = bounded(40, least=3)


@contract
class RegisterOrganisation:
    """A legal body that may order; ``number`` is its EIK/BULSTAT (Bulgaria), checked by its check digit."""

    name: str = bounded(200, least=1)
    number: str = bounded(13, least=9)
    vat_number: str = bounded(20, default="")
    address: str = bounded(300, least=1)
    country: str = bounded(2, least=2, default="BG")


@contract
class CorrectOrganisation:
    """A correction by staff; the number stays, for it is what the body is known by."""

    organisation_id: UUID
    name: str = bounded(200, least=1)
    vat_number: str = bounded(20, default="")
    address: str = bounded(300, least=1)


@contract
class OrganisationView:
    """An organisation as staff and its people see it."""

    id: UUID
    name: str
    number: str
    vat_number: str
    address: str
    country: str
    created_at: datetime


@contract
class GetOrganisation:
    """Asks for one organisation."""

    organisation_id: UUID


@contract
class ListOrganisations:
    """All organisations, by name; staff only."""

    search: str = bounded(100, default="")
    page_size: int = between(1, 200, default=50)
    page_token: str | None = None


@contract
class Organisations:
    """A page of organisations."""

    items: list[OrganisationView]
    total: int
    next_page_token: str | None = None


# --- events -----------------------------------------------------------------------------------------------------


@event("identity.account_issued.v1", subject="account_id")
class AccountIssued(Event):
    """An account was issued. ``sealed_password`` can be opened by ``notifications`` alone."""

    account_id: UUID
    login: str
    given_name: str
    family_name: str
    email: str
    phone: str
    language: str
    roles: list[str]
    organisation_id: UUID | None = None
    sealed_password: str | None = None
    password_expires_at: datetime | None = None


@event("identity.account_changed.v1", subject="account_id")
class AccountChanged(Event):
    """The data of an account as they are now."""

    account_id: UUID
    login: str
    given_name: str
    family_name: str
    email: str
    phone: str
    language: str
    roles: list[str]
    organisation_id: UUID | None = None


@event("identity.account_closed.v1", subject="account_id")
class AccountClosed(Event):
    """The account can no longer sign in."""

    account_id: UUID


@event("identity.password_reissued.v1", subject="account_id")
class PasswordReissued(Event):
    """A new temporary password; only ``notifications`` can open it."""

    account_id: UUID
    sealed_password: str
    password_expires_at: datetime


@event("identity.password_changed.v1", subject="account_id")
class PasswordChanged(Event):
    """The holder changed the password; ``first`` where it was the issued one."""

    account_id: UUID
    first: bool


@event("identity.organisation_registered.v1", subject="organisation_id")
class OrganisationRegistered(Event):
    """A legal body that may order."""

    organisation_id: UUID
    name: str
    number: str
    vat_number: str
    address: str
    country: str


@event("identity.organisation_changed.v1", subject="organisation_id")
class OrganisationChanged(Event):
    """The data of an organisation as they are now."""

    organisation_id: UUID
    name: str
    number: str
    vat_number: str
    address: str
    country: str


@event("identity.sign_in_awaiting_factor.v1", subject="sign_in_id")
class SignInAwaitingFactor(Event):
    """Name and password were right; the second factor is asked until ``expires_at``."""

    sign_in_id: UUID
    account_id: UUID
    code: str
    expires_at: datetime


@event("identity.sign_in_settled.v1", subject="sign_in_id")
class SignInSettled(Event):
    """The attempt left ``awaiting_factor``; ``state`` as in :class:`SignInView`."""

    sign_in_id: UUID
    account_id: UUID
    state: str


@event("identity.session_ended.v1", subject="session_id")
class SessionEnded(Event):
    """A session ended before its time, whoever ended it."""

    session_id: UUID
    account_id: UUID


@event("identity.sign_in_reported.v1", subject="sign_in_id")
class SignInReported(Event):
    """Somebody knew the password and the holder (or the browser) said: not me."""

    sign_in_id: UUID
    account_id: UUID
