"""Who is at the browser: a session token is traded at identity for a principal and remembered for some seconds."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import current_app, g, request

from gateway.security.cookies import forget_session, session_token
from gateway.security.tokens import digest, well_formed
from libs.contracts.errors import Unauthenticated
from libs.contracts.identity import PrincipalView

ENDED_KEPT = 120.0
"""Seconds for which an ended session stays refused, longer than any answer can be under way."""
MOST = 10_000


@dataclass(frozen=True)
class _Entry:
    view: PrincipalView
    until: float


class Principals:
    """Remembers principals for ``seconds`` and drops one at once when its session ends."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._ended: dict[UUID, float] = {}

    def of(self, session_digest: str, ask: Callable[[str], PrincipalView]) -> PrincipalView:
        """The principal of a session, remembered or asked for."""
        with self._lock:
            entry = self._entries.get(session_digest)
            if entry and entry.until > self._now():
                return entry.view
        view = ask(session_digest)
        with self._lock:
            if view.session_id in self._ended:
                raise Unauthenticated
            self._sweep()
            self._entries[session_digest] = _Entry(view, self._now() + self._seconds)
        return view

    def forget(self, session_id: UUID) -> None:
        """The session has ended; an answer about it that is still under way will be refused too."""
        with self._lock:
            self._ended[session_id] = self._now() + ENDED_KEPT
            self._entries = {d: e for d, e in self._entries.items() if e.view.session_id != session_id}

    def forget_account(self, account_id: UUID) -> None:
        """Ask anew about an account, because its roles or name may have changed."""
        with self._lock:
            self._entries = {d: e for d, e in self._entries.items() if e.view.account_id != account_id}

    def _sweep(self) -> None:
        now = self._now()
        self._ended = {session: until for session, until in self._ended.items() if until > now}
        if len(self._entries) >= MOST:
            self._entries = {d: e for d, e in self._entries.items() if e.until > now}
        if len(self._entries) >= MOST:
            self._entries.clear()


def principals() -> Principals:
    """The memory of this process."""
    memory: Principals = current_app.extensions["principals"]
    return memory


def _shown_token() -> str | None:
    """The session token of this request: a bearer's at the API, else the cookie's."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if request.path.startswith("/api/") and scheme.lower() == "bearer":
        return credentials if well_formed(credentials) else None
    return session_token()


def visitor() -> PrincipalView | None:
    """Who makes this request, or None; asked at most once a request."""
    if "visitor" not in g:
        g.visitor = _authenticate(_shown_token())
    view: PrincipalView | None = g.visitor
    return view


def _authenticate(token: str | None) -> PrincipalView | None:
    if token is None:
        return None
    # Imported here: the client itself asks this module for the caller's token.
    from gateway.clients.identity import identity

    try:
        return principals().of(digest(token), identity.authenticate)
    except Unauthenticated:
        forget_session()
        return None


def the_visitor() -> PrincipalView:
    """Who makes this request, where a guard has made sure that somebody does."""
    view = visitor()
    if view is None:
        raise Unauthenticated
    return view


def caller_token() -> str | None:
    """The signed principal that goes along with what this request asks of services."""
    view = g.get("visitor")
    return view.token if view else None
