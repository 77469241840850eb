"""The provider's vendor API under `/vendor`: shapes, status codes and plain-text faults as its documents give them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from . import authorization
from .masking import masked
from .provider import Person, Provider, Push, Status

USER_KEYS = ("identificationNumber", "email", "phone")
MAX_DESCRIPTION = 4_000
MAX_INT32 = 2**31 - 1
UNSIGNED = ("/vendor/version/get",)

vendor = Blueprint("vendor", __name__, url_prefix="/vendor")


class Refusal(HTTPException):
    """An answer with one of the provider's own status codes and a plain-text body."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.code = status
        self.text = text

    def get_response(self, *_args: Any, **_kwargs: Any) -> Response:
        return Response(self.text, status=self.code, content_type="text/plain; charset=utf-8")


def _provider() -> Provider:
    provider: Provider = current_app.extensions["provider"]
    return provider


def _fields() -> dict[str, Any]:
    try:
        data = json.loads(request.get_data())
    except ValueError:
        raise Refusal(400, "Invalid input data") from None
    if not isinstance(data, dict):
        raise Refusal(400, "Invalid input data")
    return data


@vendor.before_request
def remember_and_authorize() -> Response | None:
    """Writes the request down, lets a planned failure happen, checks the signature."""
    provider = _provider()
    raw = request.get_data()
    entry = {"at": provider.clock.now().isoformat(), "path": request.path, "body": masked(raw), "ascii": raw.isascii()}
    provider.requests.append(entry)
    request.environ["simulator.entry"] = entry
    fault = provider.next_fault(request.path)
    if fault is not None:
        request.environ["simulator.fault"] = fault
        if not fault.after:
            provider.hang_released.wait(fault.delay_seconds)
            return Response(fault.body, status=fault.status, content_type=fault.content_type)
    if request.path not in UNSIGNED:
        header = request.headers.get("Authorization")
        if not authorization.is_authorized(provider.api_key, request.get_data(), header):
            raise Refusal(401, "Unauthorized")
        if _fields().get("vendorNumber") != provider.vendor_number:
            raise Refusal(401, "Unauthorized")
    return None


@vendor.after_request
def finish(response: Response) -> Response:
    """Spoils the answer where a failure after the deed is planned, and writes its status down."""
    provider = _provider()
    fault = request.environ.get("simulator.fault")
    if fault is not None and fault.after:
        provider.hang_released.wait(fault.delay_seconds)
        response = Response(fault.body, status=fault.status, content_type=fault.content_type)
    elif provider.behaviour.answer_seconds:
        provider.hang_released.wait(provider.behaviour.answer_seconds)
    request.environ["simulator.entry"]["status"] = response.status_code
    return response


def _user(data: dict[str, Any]) -> dict[str, Any]:
    user = data.get("user")
    if not isinstance(user, dict):
        raise Refusal(400, "Invalid input data")
    given = [key for key in USER_KEYS if user.get(key)]
    if not given or (len(given) > 1 and _provider().behaviour.key_set == "1.0.154"):
        raise Refusal(400, "Invalid input data")
    return user


@vendor.post("/user/check")
def check_user() -> tuple[str, int]:
    """204 when the person exists, 438 when not."""
    if _provider().find(_user(_fields())) is None:
        raise Refusal(438, "User not found")
    return "", 204


@vendor.post("/user/check/extended")
def check_user_extended() -> Response:
    """Always 200: an unknown person has all flags at 0."""
    provider = _provider()
    person = provider.find(_user(_fields()))
    flags = _flags_of(person)
    if provider.behaviour.key_set == "1.0.154":
        flags = {key: value for key, value in flags.items() if key not in ("isRejected", "isReadyToSign")}
    answer: dict[str, Any] = {key: provider.behaviour.flag(value) for key, value in flags.items()}
    if provider.behaviour.key_set == "2025":
        answer["rejectReason"] = 0
    return _answer(answer)


def _flags_of(person: Person | None) -> dict[str, bool]:
    if person is None:
        keys = "isRegistered isIdentified isRejected isSupervised isReadyToSign hasConfirmedPhone hasConfirmedEmail"
        return dict.fromkeys(keys.split(), False)
    return {
        "isRegistered": True,
        "isIdentified": person.is_identified,
        "isRejected": person.is_rejected,
        "isSupervised": person.is_supervised,
        "isReadyToSign": person.is_ready_to_sign,
        "hasConfirmedPhone": True,
        "hasConfirmedEmail": bool(person.email) and person.email_confirmed,
    }


@vendor.post("/document/auth/online")
def ask_for_approval() -> Response:
    """Sends a push; ids are 12 digits and 12 upper-case hex."""
    provider = _provider()
    data = _fields()
    document = data.get("document")
    algorithm = (data.get("signInfo") or {}).get("algorithm") if isinstance(data.get("signInfo"), dict) else None
    if not isinstance(document, dict) or algorithm != "SHA256" or not data.get("publicKey"):
        raise Refusal(400, "Invalid input data")
    description = document.get("description")
    if not isinstance(description, str) or not 0 < len(description) <= MAX_DESCRIPTION:
        raise Refusal(400, "Invalid input data")
    user = _user(data)
    expires_at = _expiry(document.get("dateExpire"))
    person = provider.find(user)
    if person is None:
        raise Refusal(438, "User not found")
    push = provider.send_push(
        person,
        description=description,
        expires_at=expires_at,
        callback_url=data.get("urlCallback") or None,
        requires_signing=bool(data.get("isRequiredSigning", True)),
    )
    transaction_id = provider.behaviour.transaction_id(push.transaction_id)
    return _answer({"transactionID": transaction_id, "threadID": push.thread_id})


def _expiry(value: object) -> datetime:
    # The provider's documents do not say what it answers to a past or a millisecond instant; refusing is our choice.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_INT32:
        raise Refusal(400, "Invalid input data")
    expires_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    if expires_at <= _provider().clock.now():
        raise Refusal(400, "Invalid input data")
    return expires_at


@vendor.post("/document/status")
def document_status() -> Response:
    """State of one transaction; 443 when unknown or not yet visible."""
    provider = _provider()
    push = provider.push(_fields().get("transactionID"))
    now = provider.clock.now()
    if push is None or now < push.visible_at:
        raise Refusal(443, "Document not found")
    return _answer(_state_of(push, now))


@vendor.post("/document/thread/status")
def thread_status() -> Response:
    """States of all transactions of a thread."""
    provider = _provider()
    pushes = _thread(_fields().get("threadID"))
    now = provider.clock.now()
    documents = [
        {"transactionID": provider.behaviour.transaction_id(push.transaction_id), **_state_of(push, now)}
        for push in pushes
    ]
    return _answer({"statuses": [{"documents": documents, "rejectReason": pushes[0].reject_reason}]})


@vendor.post("/document/withdraw")
def withdraw() -> Response:
    """1 withdrawn, 2 not withdrawn (already answered), 3 already withdrawn."""
    provider = _provider()
    pushes = _thread(_fields().get("threadID"))
    changed = [provider.settle(push, Status.WITHDRAWN) for push in pushes]
    if any(changed):
        return _answer({"status": 1})
    return _answer({"status": 3 if all(push.status == Status.WITHDRAWN for push in pushes) else 2})


@vendor.post("/version/get")
def version() -> Response:
    """Environment and version; needs no signature."""
    return jsonify({"environment": "simulator", "version": _provider().behaviour.key_set})


def _thread(thread_id: object) -> list[Push]:
    provider = _provider()
    pushes = [push for push in list(provider.pushes.values()) if push.thread_id == thread_id]
    if not pushes:
        raise Refusal(443, "Document not found")
    for push in pushes:
        provider.expire_if_due(push)
    return pushes


def _state_of(push: Push, now: datetime) -> dict[str, Any]:
    behaviour = _provider().behaviour
    return {
        "status": push.status,
        "isProcessing": behaviour.flag(push.is_processing(now)),
        "rejectReason": push.reject_reason,
    }


def _answer(data: dict[str, Any]) -> Response:
    if _provider().behaviour.extra_keys:
        data = {**data, "unheardOf": {"deep": [1, 2, 3]}, "serverTime": 0}
    return jsonify(data)
