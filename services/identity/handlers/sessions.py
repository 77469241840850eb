"""Sessions: trading one for a principal, ending them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.orm import aliased

from libs.chassis.principal import Principal
from libs.contracts.base import Nothing
from libs.contracts.errors import NotFound, Unauthenticated
from libs.contracts.identity import Authenticate, EndOtherSessions, EndSession, PrincipalView
from libs.messaging.work import Work
from services.identity.handlers import throttling
from services.identity.model import Account, Membership, Organisation, Session, SignIn
from services.identity.model.account import CLOSED
from services.identity.settings import settings, signer

SEEN_AGAIN = timedelta(seconds=10)
"""Activity is written down no more often than this."""

KEPT = timedelta(days=30)
"""Ended sessions and attempts are kept so long: they tell in which networks a holder is known."""


def authenticate(work: Work, command: Authenticate) -> PrincipalView:
    """The signed principal of a living session; raises :class:`Unauthenticated` for any other digest."""
    now, idle = work.now(), settings().idle
    row = _session_row(work, command.session_digest)
    if row is None or row.Session.ended_at or row.state == CLOSED or not row.Session.lives(now, idle):
        raise Unauthenticated("session_ended", "The session has ended. Please sign in again.")
    session: Session = row.Session
    if now - session.last_seen_at >= SEEN_AGAIN:
        _see(work, session.id, now)
    roles = [*row.staff_roles, *([row.role] if row.role else [])]
    principal = Principal(
        account_id=session.account_id,
        session_id=session.id,
        organisation_id=row.organisation_id,
        roles=frozenset(roles),
        assurance_level=session.assurance_level,
    )
    token, token_expires_at = signer().sign(principal)
    return PrincipalView(
        token=token,
        token_expires_at=token_expires_at,
        session_id=session.id,
        session_expires_at=min(session.expires_at, now + idle),
        account_id=session.account_id,
        name=f"{row.given_name} {row.family_name}",
        language=row.language,
        roles=roles,
        organisation_id=row.organisation_id,
        organisation_name=row.organisation_name,
    )


def end(work: Work, command: EndSession) -> Nothing:
    """End one own session, or the current one."""
    session_id = command.session_id or work.caller.session_id
    session = work.session.get(Session, session_id, with_for_update=True)
    if session is None or session.account_id != work.caller.account_id:
        raise NotFound
    session.end(work.now())
    return Nothing()


def end_others(work: Work, _command: EndOtherSessions) -> Nothing:
    """End all own sessions but the current one."""
    end_sessions(work, work.caller.account_id, but=work.caller.session_id)
    return Nothing()


def end_sessions(work: Work, account_id: UUID, *, but: UUID | None = None) -> None:
    """End the sessions of an account."""
    living = select(Session).where(Session.account_id == account_id, Session.ended_at.is_(None)).order_by(Session.id)
    for session in work.session.scalars(living.with_for_update()):
        if session.id != but:
            session.end(work.now())


def clean(work: Work) -> None:
    """Remove what is too old to matter: sessions, attempts, counts of failures."""
    limit = work.now() - KEPT
    work.session.execute(delete(Session).where(Session.last_seen_at < limit, Session.expires_at < work.now()))
    work.session.execute(delete(SignIn).where(SignIn.created_at < limit, SignIn.ended_at.is_not(None)))
    throttling.forget_old(work)


def _session_row(work: Work, digest: str) -> Row[*tuple[Any, ...]] | None:
    # The oldest membership is the one acted under, as in Account.membership.
    mine = (
        select(Membership)
        .where(Membership.account_id == Session.account_id)
        .order_by(Membership.created_at)
        .limit(1)
        .lateral()
    )
    membership = aliased(Membership, mine)
    return work.session.execute(
        select(
            Session,
            Account.state,
            Account.staff_roles,
            Account.given_name,
            Account.family_name,
            Account.language,
            membership.role,
            membership.organisation_id,
            Organisation.name.label("organisation_name"),
        )
        .join(Account, Account.id == Session.account_id)
        .outerjoin(membership, membership.account_id == Session.account_id)
        .outerjoin(Organisation, Organisation.id == membership.organisation_id)
        .where(Session.digest == digest)
    ).one_or_none()


def _see(work: Work, session_id: UUID, now: datetime) -> None:
    # Past the aggregate: activity is no new version, and parallel requests of one browser must not collide.
    throttling.need_not_survive(work)
    work.session.execute(
        update(Session)
        .where(Session.id == session_id)
        .values(last_seen_at=func.greatest(Session.last_seen_at, now))
        .execution_options(synchronize_session=False)
    )
