"""What callers may ask of this service."""

from libs.contracts.mfa import Challenges, ListChallenges
from libs.messaging.rpc import ServiceRpc, query
from libs.messaging.work import Work
from services.mfa import queries


class MfaRpc(ServiceRpc):
    """Sign-ins reach this service as events; here only staff ask."""

    name = "mfa"

    @query
    def list_challenges(self, work: Work, request: ListChallenges) -> Challenges:
        """The newest challenges of an account."""
        return queries.list_challenges(work, request)
