"""Reads: rows in, views out."""

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, func, literal, or_, select, tuple_
from sqlalchemy.orm import selectinload

from libs.contracts.errors import Invalid, NotFound
from libs.contracts.identity import (
    STAFF_ROLES,
    GetMe,
    GetOrganisation,
    GetSignIn,
    ListOrganisations,
    ListPeople,
    ListSessions,
    Organisations,
    OrganisationView,
    People,
    PersonView,
    SessionList,
    SessionView,
    SignInView,
)
from libs.messaging.work import Work
from services.identity.model import Account, Membership, Organisation, Session, SignIn
from services.identity.settings import settings


def get_sign_in(work: Work, query: GetSignIn) -> SignInView:
    """Where an attempt stands, for the browser that began it."""
    attempt = work.session.get(SignIn, query.sign_in_id)
    if attempt is None:
        raise NotFound
    attempt.show_to(query.browser_digest)
    return sign_in_view(work, attempt)


def get_me(work: Work, _query: GetMe) -> PersonView:
    """The caller's own account."""
    return person_view(_account(work, work.caller.account_id))


def list_sessions(work: Work, _query: ListSessions) -> SessionList:
    """The caller's living sessions, the latest used first."""
    idle, now = settings().idle, work.now()
    mine = select(Session).where(
        Session.account_id == work.caller.account_id,
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.last_seen_at > now - idle,
    )
    found = work.session.scalars(mine.order_by(Session.last_seen_at.desc()))
    return SessionList(items=[session_view(one, idle, current=work.caller.session_id) for one in found])


def list_people(work: Work, query: ListPeople) -> People:
    """People of one organisation by name, for its manager and for staff."""
    work.caller.require_manager_of(query.organisation_id, or_staff=STAFF_ROLES)
    conditions: list[ColumnElement[bool]] = [
        Account.id.in_(select(Membership.account_id).where(Membership.organisation_id == query.organisation_id))
    ]
    if query.account_ids is not None:
        conditions.append(Account.id.in_(query.account_ids))
    for word in query.search.split():
        conditions.append(_has(word, Account.given_name, Account.family_name, Account.email, Account.phone))
    total = work.session.scalar(select(func.count()).select_from(Account).where(*conditions)) or 0
    order = (Account.family_name, Account.given_name, Account.id)
    page = (
        select(Account)
        .where(*conditions, *_after(query.page_token, order))
        .order_by(*order)
        .limit(query.page_size + 1)
        .options(selectinload(Account.memberships))
    )
    found = work.session.scalars(page).all()
    return People(
        items=[person_view(one) for one in found[: query.page_size]],
        total=total,
        next_page_token=_next(found, query.page_size, lambda one: [one.family_name, one.given_name, str(one.id)]),
    )


def get_organisation(work: Work, query: GetOrganisation) -> OrganisationView:
    """An organisation, for its people and for staff."""
    work.caller.require_member_of(query.organisation_id, or_staff=STAFF_ROLES)
    organisation = work.session.get(Organisation, query.organisation_id)
    if organisation is None:
        raise NotFound
    return organisation_view(organisation)


def list_organisations(work: Work, query: ListOrganisations) -> Organisations:
    """All organisations by name, for staff."""
    work.caller.require(*STAFF_ROLES)
    conditions = [_has(word, Organisation.name, Organisation.number) for word in query.search.split()]
    total = work.session.scalar(select(func.count()).select_from(Organisation).where(*conditions)) or 0
    order = (Organisation.name, Organisation.id)
    page = (
        select(Organisation)
        .where(*conditions, *_after(query.page_token, order))
        .order_by(*order)
        .limit(query.page_size + 1)
    )
    found = work.session.scalars(page).all()
    return Organisations(
        items=[organisation_view(one) for one in found[: query.page_size]],
        total=total,
        next_page_token=_next(found, query.page_size, lambda one: [one.name, str(one.id)]),
    )


def sign_in_view(work: Work, attempt: SignIn, login: str | None = None) -> SignInView:
    """The attempt as its browser sees it."""
    if login is None:
        login = work.session.scalar(select(Account.login).where(Account.id == attempt.account_id))
    return SignInView(
        id=attempt.id,
        state=attempt.state_at(work.now()),
        expires_at=attempt.expires_at,
        code=attempt.code,
        retry_at=attempt.retry_at,
        login=login,
    )


def session_view(session: Session, idle: timedelta, *, current: UUID | None) -> SessionView:
    """A session as its holder sees it."""
    return SessionView(
        id=session.id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.ends_at(idle),
        device=session.device,
        network=session.network,
        current=session.id == current,
    )


def person_view(account: Account) -> PersonView:
    """A person as managers and staff see one."""
    return PersonView(
        account_id=account.id,
        login=account.login,
        given_name=account.given_name,
        family_name=account.family_name,
        email=account.email,
        phone=account.phone,
        roles=account.roles,
        state=account.state,
        created_at=account.created_at,
        last_signed_in_at=account.last_signed_in_at,
        organisation_id=account.organisation_id,
        language=account.language,
    )


def organisation_view(organisation: Organisation) -> OrganisationView:
    """An organisation as its people and staff see it."""
    return OrganisationView(
        id=organisation.id,
        name=organisation.name,
        number=organisation.number,
        vat_number=organisation.vat_number,
        address=organisation.address,
        country=organisation.country,
        created_at=organisation.created_at,
    )


def taken_addresses(work: Work, emails: Iterable[str]) -> set[str]:
    """Those of the (lower-case) addresses that some account has as its e-mail or its login; one look-up."""
    wanted = any_(literal(list(emails), ARRAY(Text)))
    by_email = select(func.lower(Account.email)).where(func.lower(Account.email) == wanted)
    by_login = select(func.lower(Account.login)).where(func.lower(Account.login) == wanted)
    return set(work.session.scalars(by_email.union(by_login)))


def _account(work: Work, account_id: UUID) -> Account:
    account = work.session.get(Account, account_id, options=[selectinload(Account.memberships)])
    if account is None:
        raise NotFound
    return account


def _has(word: str, *columns: Any) -> ColumnElement[bool]:
    return or_(*(column.icontains(word, autoescape=True) for column in columns))


def _after(page_token: str | None, order: Sequence[Any]) -> list[ColumnElement[bool]]:
    """The condition that starts after the last row of the page before."""
    if page_token is None:
        return []
    try:
        *texts, last = json.loads(base64.urlsafe_b64decode(page_token))
        values = [*(str(one) for one in texts), UUID(last)]
        if len(values) != len(order):
            raise ValueError(page_token)
    except (ValueError, TypeError, AttributeError):
        raise Invalid.field("page_token", "not_a_page_token") from None
    return [and_(tuple_(*order) > tuple_(*values))]


def _next(found: Sequence[Any], page_size: int, key: Any) -> str | None:
    if len(found) <= page_size:
        return None
    return base64.urlsafe_b64encode(json.dumps(key(found[page_size - 1])).encode()).decode()
