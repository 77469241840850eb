"""What identity hears and what time does to it."""

from datetime import timedelta

from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from libs.messaging.worker import Job, Subscriptions
from services.identity.handlers import sessions, sign_in

SUBSCRIPTIONS: Subscriptions = {
    FactorMissing: sign_in.not_registered,
    ChallengeApproved: sign_in.approve,
    ChallengeRejected: sign_in.reject,
    ChallengeExpired: sign_in.not_answered,
    ChallengeUnavailable: sign_in.provider_unavailable,
    ChallengeWithheld: sign_in.withheld,
}

JOBS = [
    # twice a second, so that the page tells of the end within a second of it; the look is one small partial index
    Job("expire_sign_ins", every=timedelta(milliseconds=500), run=sign_in.expire_due),
    Job("clean_up", every=timedelta(hours=1), run=sessions.clean),
]
