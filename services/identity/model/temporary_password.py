"""The password we issue: readable, random, and dead once its holder has chosen another.

Its digest is HMAC-SHA-256 under a random salt, not argon2id. A slow hash protects passwords that people choose and that
a dictionary may hold; these are 79 random bits, which nobody tries out even at 10^12 guesses a second, and they die
after some days. In return five thousand pasted people get accounts within seconds, not minutes. A chosen password never
takes this scheme.
"""

import base64
import hashlib
import hmac
import re
import secrets

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without i, l, o, 0 and 1, which people mix up
GROUPS, GROUP = 4, 4
SCHEME = "$issued$"
SALT_BYTES = 16


def generate() -> str:
    """A new temporary password, such as ``k7mf-9xqr-t3nd-w8hc``."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))


def digest_of(password: str) -> str:
    """What is stored of a temporary password."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{SCHEME}{_text(salt)}${_text(_mac(salt, password))}"


def is_temporary(digest: str) -> bool:
    """Whether a stored digest is that of a temporary password."""
    return digest.startswith(SCHEME)


def matches(digest: str, typed: str) -> bool:
    """Whether the typed text is the temporary password, however its groups are separated or capitalised."""
    salt, _, mac = digest.removeprefix(SCHEME).partition("$")
    return hmac.compare_digest(base64.b64decode(mac), _mac(base64.b64decode(salt), typed))


def _mac(salt: bytes, password: str) -> bytes:
    return hmac.new(salt, re.sub(r"[\s\-]", "", password).lower().encode(), hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
