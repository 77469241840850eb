"""What the portal asks of ``mfa``: only what every service answers. The second factor is ``identity``'s to ask for."""

from gateway.clients.base import Remote, client


class MfaClient(Remote):
    """The remote side of ``mfa``."""

    service = "mfa"


mfa = client(MfaClient)
