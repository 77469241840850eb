"""The phone: pages where a person registers, sees a push, opens it, confirms it or refuses it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from .provider import Person, Provider, Push, Status, normalise
from .texts import LANGUAGES, TEXTS

phone = Blueprint("phone", __name__, url_prefix="/phone")
Page = str | tuple[str, int] | BaseResponse


def _provider() -> Provider:
    provider: Provider = current_app.extensions["provider"]
    return provider


def _language() -> str:
    chosen = session.get("language", "bg")
    return chosen if chosen in LANGUAGES else "bg"


def _text(key: str) -> str:
    return TEXTS[_language()][key]


@phone.before_request
def choose_language() -> None:
    """Remembers the language asked for by `?lang=`."""
    if request.args.get("lang") in LANGUAGES:
        session["language"] = request.args["lang"]


@phone.context_processor
def words() -> dict[str, Any]:
    """What every template may use."""
    return {"t": _text, "language": _language(), "Status": Status, "now": _provider().clock.now()}


@phone.get("/")
def shelf() -> Page:
    """All phones there are, and a field to take another one."""
    people = sorted(_provider().people.values(), key=lambda person: person.phone)
    waiting = {person.phone: sum(push.is_open for push in _provider().pushes_to(person.phone)) for person in people}
    return render_template("shelf.html", people=people, waiting=waiting, fault=None)


@phone.post("/")
def take_phone() -> Page:
    """Opens the phone with the number typed."""
    try:
        number = normalise(request.form.get("number", ""))
    except ValueError:
        return render_template("shelf.html", people=[], waiting={}, fault=_text("bad_number")), 422
    return redirect(url_for("phone.screen", number=number))


def _own_number(number: str) -> str:
    try:
        return normalise(number)
    except ValueError:
        abort(404)


def _person(number: str) -> Person:
    person = _provider().people.get(_own_number(number))
    if person is None:
        abort(redirect(url_for("phone.screen", number=_own_number(number))))
    return person


def _push(person: Person, transaction_id: str) -> Push:
    push = _provider().push(transaction_id)
    if push is None or push.phone != person.phone:
        abort(404)
    return push


def _opened() -> str | None:
    """The push that this browser has opened with the access code."""
    return session.get("opened")


@phone.get("/<number>")
def screen(number: str) -> Page:
    """Registration for a new number, otherwise the lock screen with its notifications."""
    number = _own_number(number)
    session.pop("opened", None)
    if number not in _provider().people:
        return render_template("register.html", number=number, fault=None)
    return render_template("lock.html", number=number, pushes=_provider().pushes_to(number), mark=_mark(number))


@phone.get("/<number>/state")
def state(number: str) -> Response:
    """A mark that changes when the screen has to be drawn again."""
    return jsonify({"mark": _mark(_own_number(number))})


def _mark(number: str) -> str:
    return ",".join(f"{push.transaction_id}:{int(push.status)}" for push in _provider().pushes_to(number)) or "-"


@phone.post("/<number>/register")
def register(number: str) -> Page:
    """Registers the number with the access code chosen by the person."""
    number = _own_number(number)
    code = request.form.get("code", "")
    fault = _text("codes_differ") if code != request.form.get("code_again", "") else None
    if fault is None:
        try:
            _provider().register(number, code)
        except ValueError:
            fault = _text("bad_code")
    if fault is not None:
        return render_template("register.html", number=number, fault=fault), 422
    return redirect(url_for("phone.screen", number=number))


@phone.get("/<number>/register")
def register_again(number: str) -> Page:
    """Where a reload or the language switch leads after a fault."""
    return redirect(url_for("phone.screen", number=number))


@phone.post("/<number>/forget")
def forget(number: str) -> Page:
    """Takes the registration off this number."""
    _provider().people.pop(_own_number(number), None)
    return redirect(url_for("phone.screen", number=number))


@phone.get("/<number>/pushes/<transaction_id>")
def push(number: str, transaction_id: str) -> Page:
    """One push: asks for the access code, then shows ✓ and the way to refuse."""
    person = _person(number)
    found = _push(person, transaction_id)
    if found.is_open and _opened() != transaction_id:
        return render_template("code.html", number=person.phone, push=found, step="open", fault=None)
    return render_template("push.html", number=person.phone, push=found, mark=_mark(person.phone))


@phone.post("/<number>/pushes/<transaction_id>/open")
def open_push(number: str, transaction_id: str) -> Page:
    """Unlocks the app with the access code."""
    person = _person(number)
    found = _push(person, transaction_id)
    if not person.knows(request.form.get("code", "")):
        fault = _text("wrong_code")
        return render_template("code.html", number=person.phone, push=found, step="open", fault=fault), 422
    session["opened"] = transaction_id
    return redirect(url_for("phone.push", number=number, transaction_id=transaction_id))


@phone.get("/<number>/pushes/<transaction_id>/open")
def open_again(number: str, transaction_id: str) -> Page:
    """Where a reload or the language switch leads after a fault."""
    return redirect(url_for("phone.push", number=number, transaction_id=transaction_id))


@phone.get("/<number>/pushes/<transaction_id>/confirm")
def ask_again(number: str, transaction_id: str) -> Page:
    """After ✓: the same access code a second time."""
    person = _person(number)
    found = _push(person, transaction_id)
    if not found.is_open or _opened() != transaction_id:
        return redirect(url_for("phone.push", number=number, transaction_id=transaction_id))
    return render_template("code.html", number=person.phone, push=found, step="confirm", fault=None)


@phone.post("/<number>/pushes/<transaction_id>/confirm")
def confirm(number: str, transaction_id: str) -> Page:
    """Counts the confirmation only with the right code, entered the second time."""
    person = _person(number)
    found = _push(person, transaction_id)
    if found.is_open and _opened() == transaction_id:
        if not person.knows(request.form.get("code", "")):
            fault = _text("wrong_code")
            return render_template("code.html", number=person.phone, push=found, step="confirm", fault=fault), 422
        _provider().settle(found, Status.SIGNED)
        session.pop("opened", None)
    return redirect(url_for("phone.push", number=number, transaction_id=transaction_id))


@phone.post("/<number>/pushes/<transaction_id>/refuse")
def refuse(number: str, transaction_id: str) -> Page:
    """The opposite of ✓."""
    person = _person(number)
    found = _push(person, transaction_id)
    if found.is_open and _opened() == transaction_id:
        _provider().settle(found, Status.REJECTED)
        session.pop("opened", None)
    return redirect(url_for("phone.push", number=number, transaction_id=transaction_id))
