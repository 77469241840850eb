"""Stand-ins for the bus and for ``identity``, as the portal sees them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue
from typing import Any
from uuid import UUID, uuid4

from gateway.security.tokens import digest
from libs.contracts.base import Event
from libs.contracts.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from libs.contracts.identity import PersonView, PrincipalView, SessionList, SessionView, SignInView


@dataclass
class _Wait:
    heard: "Queue[Event]" = field(default_factory=Queue)

    def get(self, timeout: float) -> Event | None:
        try:
            return self.heard.get(timeout=min(timeout, 0.05))
        except Empty:
            return None


class FakeBus:
    """Reaches nobody; tests put answers at the clients, and tell events by hand."""

    def __init__(self) -> None:
        self.listeners: dict[type[Event], list[Callable[[Any], None]]] = {}
        self.in_reach = True

    def call(self, routing_key: str, *_: Any) -> Any:
        raise Unavailable("service_away", f"{routing_key} has no stand-in")

    def listen(self, event: type[Event], heard: Callable[[Any], None]) -> None:
        self.listeners.setdefault(event, []).append(heard)

    @contextmanager
    def subscribe(self, event: type[Event], subject: str) -> Iterator[_Wait]:
        wait = _Wait()

        def hear(told: Any) -> None:
            if str(getattr(told, told.SUBJECT)) == subject:
                wait.heard.put(told)

        self.listen(event, hear)
        yield wait
        self.listeners[event].remove(hear)

    def check(self) -> None:
        if not self.in_reach:
            raise Unavailable

    def tell(self, event: Event) -> None:
        for heard in list(self.listeners.get(type(event), ())):
            heard(event)


def principal(
    *roles: str, name: str = "Мария Иванова", organisation: str | None = None, **others: Any
) -> PrincipalView:
    """Who is signed in; managers and members belong to an organisation unless told otherwise."""
    belongs = {"manager", "member"} & set(roles)
    values: dict[str, Any] = {
        "token": "signed-principal",
        "token_expires_at": datetime.now(UTC) + timedelta(seconds=60),
        "session_id": uuid4(),
        "session_expires_at": datetime.now(UTC) + timedelta(minutes=60),
        "account_id": uuid4(),
        "name": name,
        "language": "bg",
        "roles": sorted(roles),
        "organisation_id": uuid4() if belongs else None,
        "organisation_name": organisation or ("Примерен брокер ООД" if belongs else None),
    }
    return PrincipalView(**values | others)


class FakeIdentity:
    """One account, its sign-ins and its sessions; answers as identity's contract says."""

    def __init__(self, login: str = "m.ivanova", password: str = "issued-Password-7") -> None:
        self.login = login
        self.password = password
        self.issued = True
        self.registered = True
        self.holder = principal("manager")
        self.attempts: dict[UUID, tuple[str, SignInView]] = {}
        self.sessions: dict[str, PrincipalView] = {}
        self.asked: list[str] = []
        self.ended: list[UUID | None] = []
        self.languages: list[str] = []

    # Sign-in

    def begin_sign_in(self, login: str, password: str, browser_digest: str, *, network: str, device: str) -> SignInView:
        self.asked.append("begin_sign_in")
        if (login, password) != (self.login, self.password):
            raise Unauthenticated("wrong_credentials")
        state = "password_change_required" if self.issued else self._after_password()
        view = SignInView(
            id=uuid4(), state=state, expires_at=datetime.now(UTC) + timedelta(minutes=5), code="47", login=self.login
        )
        self.attempts[view.id] = (browser_digest, view)
        return view

    def _after_password(self) -> str:
        return "awaiting_factor" if self.registered else "not_registered"

    def _of(self, sign_in_id: UUID, browser_digest: str) -> SignInView:
        bound_to, view = self.attempts.get(sign_in_id, ("", None))
        if view is None or bound_to != browser_digest:
            raise NotFound
        return view

    def set(self, sign_in_id: UUID, state: str, **changes: Any) -> None:
        """Let an attempt be in this state."""
        bound_to, view = self.attempts[sign_in_id]
        self.attempts[sign_in_id] = (bound_to, replace(view, state=state, **changes))

    def get_sign_in(self, sign_in_id: UUID, browser_digest: str) -> SignInView:
        self.asked.append("get_sign_in")
        return self._of(sign_in_id, browser_digest)

    def change_issued_password(self, sign_in_id: UUID, browser_digest: str, new_password: str) -> SignInView:
        self._of(sign_in_id, browser_digest)
        if new_password == self.password:
            raise Invalid.field("new_password", "same_as_issued")
        self.password, self.issued = new_password, False
        self.set(sign_in_id, self._after_password())
        return self._of(sign_in_id, browser_digest)

    def complete_sign_in(self, sign_in_id: UUID, browser_digest: str, session_digest: str) -> SessionView:
        if self._of(sign_in_id, browser_digest).state != "approved":
            raise Conflict("sign_in_completed")
        self.set(sign_in_id, "completed")
        self.sessions[session_digest] = self.holder
        return self.session_view(current=True)

    def cancel_sign_in(self, sign_in_id: UUID, browser_digest: str, reason: str = "cancelled") -> SignInView:
        self._of(sign_in_id, browser_digest)
        self.asked.append(f"cancel_sign_in {reason}")
        self.set(sign_in_id, "cancelled")
        return self._of(sign_in_id, browser_digest)

    # Sessions

    def sign_in(self, token: str, view: PrincipalView) -> None:
        """Let a token be a session of this person."""
        self.holder = view
        self.sessions[digest(token)] = view

    def authenticate(self, session_digest: str) -> PrincipalView:
        self.asked.append("authenticate")
        if session_digest not in self.sessions:
            raise Unauthenticated
        return self.sessions[session_digest]

    def session_view(self, *, current: bool, device: str = "Firefox, Windows") -> SessionView:
        now = datetime.now(UTC)
        return SessionView(
            id=self.holder.session_id if current else uuid4(),
            created_at=now - timedelta(hours=2),
            last_seen_at=now,
            expires_at=now + timedelta(hours=1),
            device=device,
            network="192.0.2.7",
            current=current,
        )

    def list_sessions(self) -> SessionList:
        other = self.session_view(current=False, device="Chrome, Android")
        return SessionList(items=[self.session_view(current=True), other])

    def end_session(self, session_id: UUID | None = None) -> None:
        self.ended.append(session_id)
        if session_id is None:
            self.sessions.clear()

    def end_other_sessions(self) -> None:
        self.asked.append("end_other_sessions")

    def change_password(self, current_password: str, new_password: str) -> None:
        if current_password != self.password:
            raise Invalid.field("current_password", "wrong_password")
        self.password = new_password

    def set_language(self, language: str) -> None:
        self.languages.append(language)
        self.sessions = {key: replace(view, language=language) for key, view in self.sessions.items()}

    def me(self) -> PersonView:
        return PersonView(
            account_id=self.holder.account_id,
            login=self.login,
            given_name="Мария",
            family_name="Иванова",
            email="maria@example.org",
            phone="+359 88 000 0001",
            roles=self.holder.roles,
            state="active",
            created_at=datetime.now(UTC),
        )
