"""Fetching aggregates for a change; whoever changes one locks its row first, the account always before its attempt."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from libs.contracts.errors import NotFound
from libs.messaging.work import Work
from services.identity.model import Account, Organisation, SignIn

ADDRESSES_LOCK = 7_201
"""Advisory lock of everything that takes a login or an address, so that a check and its insert are one step."""


def locked_account(work: Work, account_id: UUID) -> Account:
    """The account with credential and memberships; raises :class:`NotFound`."""
    wanted = (
        select(Account)
        .where(Account.id == account_id)
        .options(selectinload(Account.credential), selectinload(Account.memberships))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    account = work.session.scalars(wanted).one_or_none()
    if account is None:
        raise NotFound
    return account


def locked_sign_in(work: Work, sign_in_id: UUID) -> SignIn:
    """The attempt; raises :class:`NotFound`."""
    attempt = work.session.get(SignIn, sign_in_id, with_for_update=True, populate_existing=True)
    if attempt is None:
        raise NotFound
    return attempt


def locked_account_and_sign_in(work: Work, sign_in_id: UUID) -> tuple[Account, SignIn]:
    """The attempt and its account; raises :class:`NotFound`."""
    account_id = work.session.scalar(select(SignIn.account_id).where(SignIn.id == sign_in_id))
    if account_id is None:
        raise NotFound
    return locked_account(work, account_id), locked_sign_in(work, sign_in_id)


def the_organisation(work: Work, organisation_id: UUID) -> Organisation:
    """The organisation; raises :class:`NotFound`."""
    organisation = work.session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound
    return organisation


def reserve_addresses(work: Work) -> None:
    """Wait for others who take logins and addresses, until this work ends."""
    work.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADDRESSES_LOCK})
