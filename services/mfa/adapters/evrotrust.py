"""Evrotrust's vendor API: signed JSON over HTTPS, with status codes that HTTP never heard of."""

import base64
import json
import ssl
import time
from datetime import datetime
from typing import Any

import requests
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.chassis.logging import get_logger
from libs.chassis.metrics import Counter, Gauge
from services.mfa.adapters import reading
from services.mfa.adapters.bounded import BoundedAdapter, bounded
from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.push import (
    CIRCUIT_OPEN,
    Answer,
    Finding,
    NotAuthorised,
    NotReached,
    ProviderFailed,
    Receipt,
    Refused,
    Standing,
    Unknown,
    UnknownPerson,
)
from services.mfa.adapters.signature import BodySignature
from services.mfa.settings import MfaSettings

MOST_BYTES = 64 * 1024
MOST_DESCRIPTION = 4_000
UNAUTHORISED, NO_PERSON, NO_DOCUMENT, TRY_LATER = 401, 438, 443, 469

calls = Counter("mfa_provider_calls_total", "Calls to the push provider", ["call", "outcome"])
alarms = Counter("mfa_provider_alarms_total", "Answers of the push provider that need an operator", ["reason"])
circuit_opened = Counter("mfa_provider_circuit_opened_total", "How often the push provider was left alone for a while")
circuit_open = Gauge("mfa_provider_circuit_open", "1 while calls to the push provider are held back")
log = get_logger("mfa.evrotrust")


class Evrotrust:
    """The client; safe for several threads."""

    def __init__(self, settings: MfaSettings, circuit: Circuit | None = None) -> None:
        self._base = settings.push_url.rstrip("/")
        self._vendor_number = settings.push_vendor_number
        self._callback_url = settings.full_callback_url
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        self._public_key = base64.b64encode((settings.push_public_key or _new_public_key()).encode()).decode()
        self._auth = BodySignature(settings.push_api_key)
        self._session = requests.Session()
        self._session.cookies.set_policy(_NoCookies())
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, BoundedAdapter(pool_maxsize=16, max_retries=0))
        self.circuit = circuit or Circuit(settings.circuit_failures, settings.circuit_rest)

    def standing_of(self, phone: str) -> Standing:
        """Whether the person under this number can be asked."""
        try:
            return reading.read_standing(self._ask("/user/check/extended", user={"phone": phone}))
        except UnknownPerson:
            return Standing.NOT_REGISTERED

    def send(self, phone: str, description: str, expires_at: datetime) -> Receipt:
        """Puts a demand on the person's phone; ``expires_at`` is told in whole seconds."""
        request: dict[str, Any] = {
            "document": {"description": description[:MOST_DESCRIPTION], "dateExpire": int(expires_at.timestamp())},
            "signInfo": {"algorithm": "SHA256"},
            "user": {"phone": phone},
            "publicKey": self._public_key,
        }
        if self._callback_url:
            request["urlCallback"] = self._callback_url
        return reading.read_receipt(self._ask("/document/auth/online", **request))

    def look(self, transaction_id: str) -> Finding:
        """What became of a push."""
        try:
            return reading.read_finding(self._ask("/document/status", transactionID=transaction_id))
        except _NoDocument:
            return Finding(answer=Answer.NOT_FOUND)

    def withdraw(self, thread_id: str) -> bool:
        """Takes a push back; False where it had been answered already."""
        try:
            status = reading.number(self._ask("/document/withdraw", threadID=thread_id).get("status"))
        except _NoDocument:
            return False
        if status not in (1, 2, 3):
            raise Unknown("wrong_shape")
        return status != 2

    def _ask(self, path: str, **fields: Any) -> dict[str, Any]:
        if not self.circuit.lets_through():
            raise NotReached(CIRCUIT_OPEN)
        try:
            answer = self._post(path, {"vendorNumber": self._vendor_number, **fields})
        except ProviderFailed as failure:
            self._note(path, failure)
            raise
        self._note(path, None)
        return answer

    def _note(self, path: str, failure: ProviderFailed | None) -> None:
        if isinstance(failure, (Unknown, NotReached)):
            if self.circuit.failed():
                circuit_opened.inc()
                log.error("the push provider keeps failing and is left alone for a while", reason=failure.reason)
        elif self.circuit.succeeded():
            log.info("the push provider works again")
        circuit_open.set(int(self.circuit.is_open))
        calls.labels(path, failure.reason if failure else "ok").inc()
        if isinstance(failure, NotAuthorised):
            alarms.labels(failure.reason).inc()
            log.error("the push provider does not accept our signature", call=path)
        elif failure is not None and not isinstance(failure, (UnknownPerson, _NoDocument)):
            log.warning("the push provider failed", call=path, reason=failure.reason)

    def _post(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        # ASCII only: the provider's other clients disagree about how to sign anything else
        body = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")
        status, content = self._exchange(path, body)
        if status != 200:
            raise _failure_of(status)
        try:
            answer = json.loads(content)
        except ValueError:
            raise Unknown("not_json") from None
        if not isinstance(answer, dict):
            raise Unknown("wrong_shape")
        return answer

    def _exchange(self, path: str, body: bytes) -> tuple[int, bytes]:
        with bounded(sum(self._timeout)) as exchange:
            try:
                return self._send(path, body)
            except Unknown:
                if exchange.fired:
                    raise Unknown("timeout") from None
                raise

    def _send(self, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            with self._session.post(
                self._base + path,
                data=body,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                auth=self._auth,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, self._read(response)
        except requests.exceptions.ConnectTimeout:
            raise NotReached("connect_timeout") from None
        except requests.exceptions.Timeout:
            raise Unknown("timeout") from None
        except requests.exceptions.SSLError as error:
            raise (NotReached("certificate") if _is_stranger(error) else Unknown("tls")) from None
        except requests.exceptions.ConnectionError as error:
            raise (NotReached("refused") if _never_connected(error) else Unknown("connection_lost")) from None
        except requests.RequestException:
            raise Unknown("not_http") from None

    def _read(self, response: requests.Response) -> bytes:
        deadline = time.monotonic() + self._timeout[1]
        content = bytearray()
        for chunk in response.iter_content(8192):
            content += chunk
            if len(content) > MOST_BYTES:
                raise Unknown("too_long")
            if time.monotonic() > deadline:
                raise Unknown("timeout")
        return bytes(content)


class _NoDocument(Refused):
    """The provider does not (yet) know this document."""


def _failure_of(status: int) -> ProviderFailed:
    if status == UNAUTHORISED:
        return NotAuthorised("unauthorised")
    if status == NO_PERSON:
        return UnknownPerson("no_person")
    if status == NO_DOCUMENT:
        return _NoDocument("no_document")
    if status == TRY_LATER:
        return Refused("try_later")
    if 400 <= status < 500:
        return Refused(f"status_{status}")
    return Unknown(f"status_{status}")


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _is_stranger(error: requests.exceptions.SSLError) -> bool:
    """Whether the other side's certificate was refused: then nothing was sent to it."""
    cause: object = error
    while isinstance(cause, Exception):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
    return False


def _new_public_key() -> str:
    # The schema wants a key to encrypt the signed file to; an approval's file is never downloaded.
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]  # untyped there
    """Several threads share the session, so nothing may be remembered in it."""

    def set_ok(self, cookie: object, request: object) -> bool:
        return False
