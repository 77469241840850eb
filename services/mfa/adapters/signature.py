"""The provider's Authorization header over the very bytes that are sent."""

import hashlib
import hmac

from requests import PreparedRequest
from requests.auth import AuthBase


def sign(api_key: str, body: bytes) -> str:
    """HMAC-SHA256 of the body, keyed with the 32 raw bytes of SHA-256(API key); lower-case hex."""
    key = hashlib.sha256(api_key.encode()).digest()
    return hmac.new(key, body, hashlib.sha256).hexdigest()


class BodySignature(AuthBase):
    """Signs a request as it is about to leave, so that nothing can serialise its body anew afterwards."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        request.headers["Authorization"] = sign(self._api_key, body if isinstance(body, bytes) else body.encode())
        return request
