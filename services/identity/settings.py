"""What identity reads from its environment, and the tools that follow from it."""

import hashlib
import os
from datetime import timedelta
from functools import cache

import environ

from libs.chassis import settings as of_process
from libs.chassis.crypto import seal
from libs.chassis.operator import Operator, load_operator
from libs.chassis.principal import PrincipalSigner, read_key
from libs.chassis.waits import bound
from services.identity.adapters.hashing import PasswordHasher
from services.identity.model.sign_in import Deadlines
from services.identity.model.throttle import Leniency


@environ.config(prefix="IDENTITY")
class Settings:
    """Settings of one identity process; ``IDENTITY_`` before the name except where another is given."""

    operator: str = environ.var("demo", name="OPERATOR", help="Preset under config/operators, or a path.")
    signing_key: str = environ.var(help="Ed25519 private key (PEM or file) that signs principals.")
    sealing_key: str = environ.var(
        name="SEALING_PUBLIC_KEY", help="X25519 public key (PEM or file) of notifications, for secrets on the bus."
    )
    argon2_memory_kib: int = environ.var(19_456, converter=int, help="OWASP: 19 MiB with two passes.")
    argon2_passes: int = environ.var(2, converter=int)
    argon2_lanes: int = environ.var(1, converter=int)
    hashing_slots: int = environ.var(0, converter=int, help="Hashes at once; 0: one for each core.")
    hashing_queue: int = bound(
        50, "hashes of passwords, for their turn", "one more is refused: 503, Retry-After 5", unit="hashes"
    )
    hashing_wait: float = bound(1.5, "a hash of a password, for its turn", "it is refused: 503, Retry-After 5")
    temporary_password_days: int = environ.var(14, converter=int)
    temporary_password_failures: int = environ.var(10, converter=int)
    sign_in_seconds: int = environ.var(300, converter=int, help="From the confirmation request to its expiry.")
    password_change_seconds: int = environ.var(900, converter=int, help="For choosing the new password.")
    session_idle_minutes: int = environ.var(60, converter=int)
    session_longest_hours: int = environ.var(12, converter=int)
    free_account_failures: int = environ.var(10, converter=int, help="Failures of one name before delays begin.")
    free_network_failures: int = environ.var(50, converter=int, help="Failures of one network before delays begin.")

    @property
    def deadlines(self) -> Deadlines:
        """Of a sign-in's steps."""
        return Deadlines(
            factor=timedelta(seconds=self.sign_in_seconds),
            password_change=timedelta(seconds=self.password_change_seconds),
        )

    @property
    def temporary_password_lifetime(self) -> timedelta:
        """How long an issued password may be used."""
        return timedelta(days=self.temporary_password_days)

    @property
    def idle(self) -> timedelta:
        """How long a session stands without activity."""
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def longest(self) -> timedelta:
        """How long a session stands at most."""
        return timedelta(hours=self.session_longest_hours)

    @property
    def account_leniency(self) -> Leniency:
        """Towards failures of one name."""
        return Leniency(free=self.free_account_failures)

    @property
    def network_leniency(self) -> Leniency:
        """Towards failures from one network, behind which many people may sit."""
        return Leniency(free=self.free_network_failures)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return environ.to_config(Settings)


@cache
def signer() -> PrincipalSigner:
    """Signs the principals of this installation."""
    return PrincipalSigner(read_key(settings().signing_key))


@cache
def sealing_key() -> str:
    """The key under which only ``notifications`` reads."""
    return read_key(settings().sealing_key)


@cache
def hasher() -> PasswordHasher:
    """Hashes chosen passwords."""
    chosen = settings()
    return PasswordHasher(
        memory_kib=chosen.argon2_memory_kib,
        passes=chosen.argon2_passes,
        lanes=chosen.argon2_lanes,
        slots=chosen.hashing_slots or os.cpu_count() or 1,
        queue=chosen.hashing_queue,
        patience=chosen.hashing_wait,
    )


@cache
def throttle_secret() -> bytes:
    """Keys the hashes of names and networks, so that the table of failures cannot be read backwards."""
    return hashlib.sha256(b"throttles\0" + read_key(settings().signing_key).encode()).digest()


@cache
def operator() -> Operator:
    """The operator of this installation."""
    return load_operator(settings().operator)


def require(process: str) -> None:
    """Load everything that the process will need; raises :class:`NotReady`."""
    of_process.require("IDENTITY_*", settings)
    if process == "rpc":
        of_process.require("OPERATOR", operator)
        of_process.require("IDENTITY_SIGNING_KEY", signer)
        of_process.require("SEALING_PUBLIC_KEY", lambda: seal("a try", sealing_key()))
