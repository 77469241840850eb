"""Takes due steps for this process, in a transaction of their own, and finds their challenges again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute

from libs.messaging.work import Work, WorkFactory
from services.mfa.model import Challenge

LEASE = timedelta(seconds=30)  # longer than two calls to the provider may take
MOST_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A step that is this process's until the lease ends; ids are the provider's."""

    challenge_id: UUID
    correlation_id: str
    transaction_id: str | None
    thread_id: str | None


def claim(
    open_work: WorkFactory,
    due: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *conditions: ColumnElement[bool],
) -> Sequence[Claim]:
    """Leases challenges whose step is due; nobody else takes them, and a crash gives them back."""
    with open_work() as work:
        ids = (
            select(Challenge.id)
            .where(due <= work.now(), *conditions)
            .order_by(due)
            .limit(MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = work.session.execute(
            update(Challenge)
            .where(Challenge.id.in_(ids.scalar_subquery()))
            .values({due: work.now() + LEASE})
            .returning(Challenge.id, Challenge.correlation_id, Challenge.transaction_id, Challenge.thread_id)
            .execution_options(synchronize_session=False)
        )
        return [
            Claim(challenge_id=row[0], correlation_id=row[1], transaction_id=row[2], thread_id=row[3]) for row in rows
        ]


def locked(work: Work, challenge_id: UUID) -> Challenge:
    """The challenge as it is now, held until the work ends."""
    return work.session.get_one(Challenge, challenge_id, with_for_update=True)


def each(claims: Sequence[Claim], deed: Callable[[Claim], None]) -> bool:
    """Does a deed for every claim, side by side, so that one slow answer holds up nobody; whether there may be more."""
    if len(claims) == 1:
        deed(claims[0])
    elif claims:
        with ThreadPoolExecutor(len(claims)) as threads:
            for outcome in [threads.submit(deed, one) for one in claims]:
                outcome.result()
    return len(claims) == MOST_AT_ONCE
