"""The provider's books: who is registered, which pushes are out, and how they may change."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import phonenumbers

from .behaviour import Behaviour, Fault

HISTORY = 2_000


class Status(IntEnum):
    """The provider's own codes of a transaction."""

    PENDING = 1
    SIGNED = 2
    REJECTED = 3
    EXPIRED = 4
    FAILED = 5
    WITHDRAWN = 6
    UNDELIVERABLE = 7
    FAILED_FACE_RECOGNITION = 8
    ON_HOLD = 99


OPEN = frozenset({Status.PENDING, Status.ON_HOLD})


class Clock:
    """The provider's clock: the machine's, moved by an offset that a test sets."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC) + self.offset


def normalise(phone: str) -> str:
    """A number in international form, read as Bulgarian where no country is given; raises ValueError."""
    try:
        parsed = phonenumbers.parse(phone, "BG")
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a telephone number") from error
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("not a possible telephone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _digest(code: str, salt: bytes) -> bytes:
    return hashlib.sha256(salt + code.encode("utf-8")).digest()


@dataclass(kw_only=True)
class Person:
    """Someone with the app on the phone; the access code is kept as a salted digest."""

    phone: str
    email: str = ""
    email_confirmed: bool = True
    identification_number: str = ""
    country: str = "BG"
    is_identified: bool = True
    is_supervised: bool = True
    is_rejected: bool = False
    is_ready_to_sign: bool = True
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    code_digest: bytes = field(default=b"", repr=False)

    def set_access_code(self, code: str) -> None:
        """Remembers the code the person chose; raises ValueError unless it is 4 to 8 digits."""
        if not (code.isascii() and code.isdigit() and 4 <= len(code) <= 8):
            raise ValueError("an access code has 4 to 8 digits")
        self.code_digest = _digest(code, self.salt)

    def knows(self, code: str) -> bool:
        """Whether this is the access code; constant time."""
        return hmac.compare_digest(self.code_digest, _digest(code, self.salt))


@dataclass(kw_only=True)
class Push:
    """One demand for approval that went to one phone."""

    transaction_id: str
    thread_id: str
    phone: str
    description: str
    expires_at: datetime
    callback_url: str | None
    created_at: datetime
    visible_at: datetime
    requires_signing: bool = True
    status: int = Status.PENDING
    reject_reason: int | None = None
    settled_at: datetime | None = None
    ready_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the person can still answer."""
        return self.status in OPEN

    def is_processing(self, now: datetime) -> bool:
        """Whether the signature is given but its file is not ready."""
        return self.status == Status.SIGNED and self.ready_at is not None and now < self.ready_at


class Provider:
    """All state behind one lock; every change of a push tells `on_change`."""

    def __init__(self, vendor_number: str, api_key: str) -> None:
        self.vendor_number = vendor_number
        self.api_key = api_key
        self.clock = Clock()
        self.behaviour = Behaviour()
        self.faults: list[Fault] = []
        self.people: dict[str, Person] = {}
        self.pushes: dict[str, Push] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self.callbacks: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self.on_change: Callable[[Push], None] = lambda push: None
        self.hang_released = threading.Event()
        self.lock = threading.RLock()

    def reset(self) -> None:
        """Forgets everything but the vendor; wakes requests that hang."""
        with self.lock:
            self.clock.offset = timedelta()
            self.behaviour = Behaviour()
            for memory in (self.faults, self.people, self.pushes, self.requests, self.callbacks):
                memory.clear()
            self.release_hanging()

    def release_hanging(self) -> None:
        """Lets requests that wait in a planned delay answer at once."""
        self.hang_released.set()
        self.hang_released = threading.Event()

    def register(self, phone: str, access_code: str, **traits: Any) -> Person:
        """Registers a person, or registers the same number anew; raises ValueError for bad input."""
        person = Person(phone=normalise(phone), **traits)
        person.set_access_code(access_code)
        with self.lock:
            self.people[person.phone] = person
        return person

    def person(self, phone: str) -> Person | None:
        """The person registered with this number, if any."""
        try:
            return self.people.get(normalise(phone))
        except ValueError:
            return None

    def find(self, user: dict[str, Any]) -> Person | None:
        """The person all given identifiers point to; an unconfirmed address finds nobody."""
        with self.lock:
            for person in self.people.values():
                if _is_meant(person, user):
                    return person
        return None

    def send_push(
        self,
        person: Person,
        *,
        description: str,
        expires_at: datetime,
        callback_url: str | None,
        requires_signing: bool,
    ) -> Push:
        """Puts a demand for approval on the person's phone."""
        now = self.clock.now()
        push = Push(
            transaction_id=f"{secrets.randbelow(9 * 10**11) + 10**11}",
            thread_id=secrets.token_hex(6).upper(),
            phone=person.phone,
            description=description,
            expires_at=expires_at,
            callback_url=callback_url,
            created_at=now,
            visible_at=now + timedelta(seconds=self.behaviour.unknown_seconds),
            requires_signing=requires_signing,
        )
        with self.lock:
            self.pushes[push.transaction_id] = push
        if person.phone in self.behaviour.isolated_phones:
            self.settle(push, Status.UNDELIVERABLE)
        return push

    def push(self, transaction_id: object) -> Push | None:
        """The push with this id as the vendor sees it now: expired when its time is over."""
        push = self.pushes.get(str(transaction_id))
        if push is not None:
            self.expire_if_due(push)
        return push

    def pushes_to(self, phone: str) -> list[Push]:
        """All pushes to a number, newest first."""
        with self.lock:
            found = [push for push in self.pushes.values() if push.phone == phone]
        for push in found:
            self.expire_if_due(push)
        return sorted(found, key=lambda push: push.created_at, reverse=True)

    def expire_if_due(self, push: Push) -> None:
        """Ends a push whose time is over by the provider's clock."""
        if push.is_open and self.clock.now() >= push.expires_at:
            self.settle(push, Status.EXPIRED)

    def expire_due(self) -> None:
        """Ends every push whose time is over."""
        with self.lock:
            due = list(self.pushes.values())
        for push in due:
            self.expire_if_due(push)

    def settle(self, push: Push, status: int, *, reject_reason: int | None = None) -> bool:
        """Changes an open push; a settled one stays as it is and the answer is False."""
        with self.lock:
            if not push.is_open:
                return False
            push.status = status
            push.reject_reason = reject_reason
            if status not in OPEN:
                push.settled_at = self.clock.now()
            if status == Status.SIGNED:
                push.ready_at = self.clock.now() + timedelta(seconds=self.behaviour.processing_seconds)
        if status != Status.PENDING:
            self.on_change(push)
        return True

    def next_fault(self, path: str) -> Fault | None:
        """The planned failure whose turn it is, counted down."""
        with self.lock:
            for fault in self.faults:
                if fault.fits(path):
                    fault.times -= 1 if fault.times > 0 else 0
                    return fault
        return None


def _is_meant(person: Person, user: dict[str, Any]) -> bool:
    checks: list[bool] = []
    if user.get("phone"):
        checks.append(_same_phone(person.phone, str(user["phone"])))
    if user.get("email"):
        checks.append(person.email_confirmed and person.email.casefold() == str(user["email"]).casefold())
    if user.get("identificationNumber"):
        same_country = str(user.get("country") or "BG").upper() == person.country
        checks.append(same_country and person.identification_number == str(user["identificationNumber"]))
    return bool(checks) and all(checks)


def _same_phone(known: str, asked: str) -> bool:
    # The provider wants the international form; a national number finds nobody.
    return asked.startswith("+") and asked.replace(" ", "") == known
