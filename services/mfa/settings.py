"""Where the push provider is and how patient we are with it."""

from functools import cache

import environ

from libs.chassis import settings
from libs.chassis.settings import secret_or_file
from libs.chassis.waits import bound


@environ.config(prefix="MFA")
class MfaSettings:
    """Read once from ``MFA_…`` variables; secrets may be the path of a file."""

    push_url: str = environ.var("http://127.0.0.1:8091/vendor", help="the provider's vendor API")
    push_vendor_number: str = environ.var("SIMVENDOR0000001")
    push_api_key: str = environ.var("", converter=secret_or_file)
    push_public_key: str = environ.var("", converter=secret_or_file, help="PEM; made up at start where empty")
    connect_timeout: float = bound(
        3.0, "a connection to the push provider", "the call counts as failed; after CIRCUIT_FAILURES the circuit opens"
    )
    read_timeout: float = bound(
        8.0,
        "the push provider, for each part of its answer and for all of it",
        "nothing is known; it is looked at again",
    )
    circuit_failures: int = bound(
        5,
        "failures of the push provider in a row",
        "the circuit opens: calls are held back for CIRCUIT_REST, sign-ins are told so at once",
        unit="calls",
    )
    circuit_rest: float = bound(
        10.0, "calls to the push provider, while the circuit is open", "one call tries; it closes or opens the circuit"
    )
    poll_seconds: float = environ.var(2.0, converter=float)
    callback_url: str = environ.var("", help="our address as the provider reaches it; empty: no callbacks")
    callback_secret: str = environ.var("", converter=secret_or_file, help="path segment of the callback")
    callback_host: str = environ.var("127.0.0.1")
    callback_port: int = environ.var(0, converter=int, help="0: no receiver")
    time_zone: str = environ.var("Europe/Sofia", help="of the time told in the push")

    @property
    def full_callback_url(self) -> str | None:
        """What the provider is told to call, secret segment included."""
        if not (self.callback_url and self.callback_secret):
            return None
        return f"{self.callback_url.rstrip('/')}/{self.callback_secret}"


@cache
def mfa_settings() -> MfaSettings:
    """The settings of this process."""
    return environ.to_config(MfaSettings)


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    settings.require("MFA_*", mfa_settings)
    if process == "worker":
        settings.require("MFA_PUSH_API_KEY", lambda: _not_empty(mfa_settings().push_api_key))
        if mfa_settings().callback_port:
            settings.require("MFA_CALLBACK_SECRET", lambda: _not_empty(mfa_settings().callback_secret))


def _not_empty(value: str) -> None:
    if not value:
        raise LookupError
