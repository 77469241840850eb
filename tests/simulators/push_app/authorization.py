"""The provider's Authorization header: HMAC-SHA256 over the raw body, keyed with the SHA-256 of the API key.

Written apart from the product's own signer on purpose: two readings of one specification check each other.
"""

from __future__ import annotations

import hashlib
import hmac


def expected_header(api_key: str, body: bytes) -> str:
    """The header value that belongs to exactly these bytes, in lower-case hex."""
    key = hashlib.sha256(api_key.encode("utf-8")).digest()
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def is_authorized(api_key: str, body: bytes, header: str | None) -> bool:
    """Compares in constant time; a missing header is a wrong one."""
    return hmac.compare_digest(expected_header(api_key, body), (header or "").strip())
