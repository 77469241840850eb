"""Forms can only be sent from our own pages.

The token is salted and signed, and bound to the session, or before signing in to the browser's own cookie. Every
changing request is checked here, so that a form needs no more than the ``form`` macro. Programs that show a bearer
token carry no cookie that a stranger's page could ride on, and are let through.
"""

import hashlib
import hmac
import secrets

from flask import current_app, request

from gateway.security.cookies import browser_token, known_browser_token, session_token
from libs.contracts.errors import Forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"


def _forged() -> Forbidden:
    return Forbidden("page_too_old", "This page is too old. Open it again and repeat what you wanted to do.")


def csrf_token() -> str:
    """A token for the forms of this answer."""
    salt = secrets.token_urlsafe(12)
    return f"{salt}.{_signature(salt, session_token() or browser_token())}"


def _signature(salt: str, bound_to: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"csrf|{salt}|{bound_to}".encode(), hashlib.sha256).hexdigest()


def valid(token: str | None) -> bool:
    """Whether a token was made for this very session or browser."""
    salt, dot, signature = (token or "").partition(".")
    bound_to = session_token() or known_browser_token()
    if not dot or bound_to is None:
        return False
    return hmac.compare_digest(signature, _signature(salt, bound_to))


def protect() -> None:
    """Refuse a changing request that another site may have caused."""
    if request.method in SAFE_METHODS:
        return
    if request.path.startswith("/api/") and (session_token() is None or "Authorization" in request.headers):
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise _forged()
    if not valid(request.headers.get(HEADER) or request.form.get(FIELD)):
        raise _forged()
