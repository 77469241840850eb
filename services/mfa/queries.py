"""What staff may see of challenges."""

from sqlalchemy import select

from libs.contracts.mfa import Challenges, ChallengeView, ListChallenges
from libs.messaging.work import Work
from services.mfa.model import Challenge


def list_challenges(work: Work, request: ListChallenges) -> Challenges:
    """The newest challenges of an account, for whoever helps its holder."""
    work.caller.require("clerk", "admin")
    found = work.session.scalars(
        select(Challenge)
        .where(Challenge.account_id == request.account_id)
        .order_by(Challenge.created_at.desc())
        .limit(request.page_size)
    )
    return Challenges(items=[_view(challenge) for challenge in found])


def _view(challenge: Challenge) -> ChallengeView:
    return ChallengeView(
        id=challenge.id,
        sign_in_id=challenge.sign_in_id,
        state=challenge.state,
        created_at=challenge.created_at,
        expires_at=challenge.expires_at,
        settled_at=challenge.settled_at,
        provider_status=challenge.vendor_status,
    )
