"""Secrets of browsers and sessions: made here, kept in cookies, told to nobody; the bus sees their digests."""

import hashlib
import secrets


def new_token() -> str:
    """A random 256-bit secret, safe in a cookie."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """The SHA-256 of a token in hexadecimal, which is all that leaves the gateway."""
    return hashlib.sha256(token.encode()).hexdigest()


def well_formed(token: str | None) -> bool:
    """Whether a text can be one of our tokens at all, before anybody is asked about it."""
    return (
        token is not None and len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() and token.isascii()
    )
