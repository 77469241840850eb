"""The signed principal: who asks, for whom, with which roles. Every service verifies it offline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from libs.chassis.clock import Clock, SystemClock
from libs.contracts.errors import Forbidden, NotFound, Unauthenticated

LIFETIME = timedelta(seconds=60)
# Two machines' clocks may differ a little; a principal is not to fail for that.
LEEWAY = timedelta(seconds=5)
ISSUER = "licentia/identity"

STAFF_ROLES = frozenset({"clerk", "finance", "official", "admin"})


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who is signed in; ``organisation_id`` is the one acted for."""

    account_id: UUID
    session_id: UUID
    organisation_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    assurance_level: int = 2

    @property
    def is_staff(self) -> bool:
        """Whether the person works for the operator."""
        return bool(self.roles & STAFF_ROLES)

    def has(self, *roles: str) -> bool:
        """Whether the person has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def require(self, *roles: str) -> None:
        """Raise :class:`Forbidden` unless the person has one of these roles."""
        if not self.has(*roles):
            raise Forbidden

    def require_member_of(self, organisation_id: UUID, *, or_staff: Iterable[str] = ()) -> None:
        """Raise :class:`NotFound` unless the person belongs to the organisation (or has one of these staff roles).

        Staff know which organisations there are, so they are told what is true: :class:`Forbidden`.
        """
        if self.organisation_id != organisation_id and not self.has(*or_staff):
            raise Forbidden if self.is_staff else NotFound

    def require_manager_of(self, organisation_id: UUID, *, or_staff: Iterable[str] = ()) -> None:
        """As :meth:`require_member_of`, and raise :class:`Forbidden` for a member who is no manager."""
        if self.has(*or_staff):
            return
        self.require_member_of(organisation_id)
        self.require("manager")


class PrincipalSigner:
    """Signs principals for sixty seconds; only ``identity`` holds the private key (Ed25519, PEM)."""

    def __init__(self, private_key: str, clock: Clock | None = None) -> None:
        self._key = OKPKey.import_key(private_key)
        self._clock = clock or SystemClock()

    def sign(self, principal: Principal) -> tuple[str, datetime]:
        """The token and the moment it expires."""
        now = self._clock.now()
        expires_at = now + LIFETIME
        claims = {
            "iss": ISSUER,
            "sub": str(principal.account_id),
            "sid": str(principal.session_id),
            "org": str(principal.organisation_id) if principal.organisation_id else None,
            "roles": sorted(principal.roles),
            "aal": principal.assurance_level,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode({"alg": "Ed25519"}, claims, self._key, algorithms=["Ed25519"]), expires_at


class PrincipalVerifier:
    """Verifies principals offline with the public key (PEM)."""

    def __init__(self, public_key: str, clock: Clock | None = None) -> None:
        self._key = OKPKey.import_key(public_key)
        self._clock = clock or SystemClock()

    def verify(self, token: str) -> Principal:
        """The principal of a token; raises :class:`Unauthenticated` where it is forged, damaged or too old."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["Ed25519"]).claims
            now = self._clock.now().timestamp()
            if claims["iss"] != ISSUER or not claims["iat"] - LEEWAY.seconds <= now <= claims["exp"] + LEEWAY.seconds:
                raise Unauthenticated("principal_expired")
            return Principal(
                account_id=UUID(claims["sub"]),
                session_id=UUID(claims["sid"]),
                organisation_id=UUID(claims["org"]) if claims["org"] else None,
                roles=frozenset(claims["roles"]),
                assurance_level=int(claims["aal"]),
            )
        except (JoseError, KeyError, TypeError, ValueError):
            raise Unauthenticated from None


def generate_key_pair() -> tuple[str, str]:
    """A new private and public key (PEM) for signing principals."""
    key = OKPKey.generate_key("Ed25519")
    return key.as_pem(private=True).decode(), key.as_pem(private=False).decode()


def read_key(value: str) -> str:
    """A PEM given as text or as the path of a file."""
    return value if value.lstrip().startswith("-----BEGIN") else Path(value).read_text()
