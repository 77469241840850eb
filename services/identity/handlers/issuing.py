"""Temporary passwords on their way to their holders: made, sealed for ``notifications``, never kept in clear."""

from libs.chassis.crypto import seal
from services.identity.model import temporary_password
from services.identity.model.account import IssuedPassword
from services.identity.settings import sealing_key, settings


def issued(password: str) -> IssuedPassword:
    """What we store and tell of a temporary password."""
    return IssuedPassword(
        digest=temporary_password.digest_of(password),
        sealed=seal(password, sealing_key()),
        lifetime=settings().temporary_password_lifetime,
    )


def new_password() -> IssuedPassword:
    """A fresh temporary password that only its holder will read."""
    return issued(temporary_password.generate())
