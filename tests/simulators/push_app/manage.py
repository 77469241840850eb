"""The management API under `/manage`: what tests and a curious developer may do to the provider."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request

from .behaviour import Behaviour, Fault
from .postman import Postman
from .provider import Person, Provider, Push, Status

PERSON_TRAITS = frozenset(
    {
        "email",
        "email_confirmed",
        "identification_number",
        "country",
        "is_identified",
        "is_supervised",
        "is_rejected",
        "is_ready_to_sign",
    }
)
DEEDS = {
    "approve": Status.SIGNED,
    "refuse": Status.REJECTED,
    "expire": Status.EXPIRED,
    "fail": Status.FAILED,
    "withdraw": Status.WITHDRAWN,
    "undeliverable": Status.UNDELIVERABLE,
    "fail_face_check": Status.FAILED_FACE_RECOGNITION,
    "hold": Status.ON_HOLD,
    "resume": Status.PENDING,
}

manage = Blueprint("manage", __name__, url_prefix="/manage")
Answer = Response | tuple[Response, int] | tuple[str, int]


def _provider() -> Provider:
    provider: Provider = current_app.extensions["provider"]
    return provider


def _postman() -> Postman:
    postman: Postman = current_app.extensions["postman"]
    return postman


def _fields() -> dict[str, Any]:
    data = request.get_json(silent=True)
    return data if isinstance(data, dict) else {}


@manage.errorhandler(ValueError)
@manage.errorhandler(TypeError)
def refuse_bad_input(error: Exception) -> Answer:
    """Bad input is the caller's fault: 400 with the reason."""
    return jsonify({"error": str(error)}), 400


@manage.post("/reset")
def reset() -> Answer:
    """Forgets everything but the vendor."""
    _provider().reset()
    return "", 204


@manage.get("/phones")
def phones() -> Answer:
    """Everyone registered."""
    return jsonify([_person_view(person) for person in list(_provider().people.values())])


@manage.put("/phones/<number>")
def put_phone(number: str) -> Answer:
    """Registers a number or changes traits of a registered one; the default access code is 1234."""
    data = _fields()
    code = str(data.pop("access_code", "1234"))
    unknown = set(data) - PERSON_TRAITS
    if unknown:
        raise ValueError(f"unknown trait: {', '.join(sorted(unknown))}")
    return jsonify(_person_view(_provider().register(number, code, **data)))


@manage.delete("/phones/<number>")
def delete_phone(number: str) -> Answer:
    """Takes the registration off a number."""
    person = _provider().person(number)
    if person is not None:
        _provider().people.pop(person.phone, None)
    return "", 204


@manage.get("/pushes")
def pushes() -> Answer:
    """All pushes, newest first, `?phone=` and `?open=1` filter."""
    provider = _provider()
    provider.expire_due()
    person = provider.person(request.args["phone"]) if "phone" in request.args else None
    found = sorted(provider.pushes.values(), key=lambda push: push.created_at, reverse=True)
    if "phone" in request.args:
        found = [push for push in found if person is not None and push.phone == person.phone]
    if request.args.get("open") == "1":
        found = [push for push in found if push.is_open]
    return jsonify([_push_view(push) for push in found])


def _push(transaction_id: str) -> Push:
    push = _provider().push(transaction_id)
    if push is None:
        abort(404)
    return push


@manage.get("/pushes/<transaction_id>")
def one_push(transaction_id: str) -> Answer:
    """One push."""
    return jsonify(_push_view(_push(transaction_id)))


@manage.post("/pushes/<transaction_id>/<deed>")
def change_push(transaction_id: str, deed: str) -> Answer:
    """Settles a push as if person or provider had; 409 when it is settled already."""
    push = _push(transaction_id)
    if deed == "status":  # any number, also ones the provider's documents do not know
        changed = _provider().settle(push, int(_fields()["status"]))
    elif deed in DEEDS:
        changed = _provider().settle(push, DEEDS[deed], reject_reason=_fields().get("reason"))
    elif deed == "callback":
        _postman().send(push, int(_fields().get("status", push.status)))
        changed = True
    else:
        abort(404)
    return jsonify(_push_view(push)), 200 if changed else 409


@manage.get("/behaviour")
def get_behaviour() -> Answer:
    """The provider's present manners."""
    return jsonify(_provider().behaviour.to_dict())


@manage.patch("/behaviour")
def patch_behaviour() -> Answer:
    """Changes some manners."""
    provider = _provider()
    provider.behaviour = provider.behaviour.changed(_fields())
    return jsonify(provider.behaviour.to_dict())


@manage.delete("/behaviour")
def delete_behaviour() -> Answer:
    """Back to a good day: default manners, no planned failures."""
    provider = _provider()
    provider.behaviour = Behaviour()
    provider.faults.clear()
    provider.release_hanging()
    return "", 204


@manage.post("/faults")
def add_fault() -> Answer:
    """Plans a failure."""
    _provider().faults.append(Fault.from_dict(_fields()))
    return "", 204


@manage.delete("/faults")
def delete_faults() -> Answer:
    """Removes all planned failures and lets hanging requests go."""
    _provider().faults.clear()
    _provider().release_hanging()
    return "", 204


@manage.put("/clock")
def set_clock() -> Answer:
    """Moves the provider's clock against the machine's."""
    _provider().clock.offset = timedelta(seconds=float(_fields()["offset_seconds"]))
    return jsonify({"now": _provider().clock.now().isoformat()})


@manage.get("/requests")
def history() -> Answer:
    """What the vendor asked, personal data masked; `?path=` filters."""
    wanted = request.args.get("path", "")
    return jsonify([entry for entry in list(_provider().requests) if wanted in entry["path"]])


@manage.delete("/requests")
def forget_history() -> Answer:
    """Forgets the history of requests and callbacks."""
    _provider().requests.clear()
    _provider().callbacks.clear()
    return "", 204


@manage.get("/callbacks")
def callbacks() -> Answer:
    """Callbacks posted, with what came back."""
    return jsonify(list(_provider().callbacks))


def _person_view(person: Person) -> dict[str, Any]:
    return {
        "phone": person.phone,
        "email": person.email,
        "is_identified": person.is_identified,
        "is_supervised": person.is_supervised,
        "is_rejected": person.is_rejected,
        "is_ready_to_sign": person.is_ready_to_sign,
    }


def _push_view(push: Push) -> dict[str, Any]:
    return {
        "transaction_id": push.transaction_id,
        "thread_id": push.thread_id,
        "phone": push.phone,
        "description": push.description,
        "status": int(push.status),
        "is_open": push.is_open,
        "created_at": push.created_at.isoformat(),
        "expires_at": push.expires_at.isoformat(),
        "reject_reason": push.reject_reason,
    }
