"""Dead letters of all services: what they gave up on, to be looked at, given back or discarded."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import StringField

from gateway.clients.base import Remote
from gateway.clients.certificates import certificates
from gateway.clients.identity import identity
from gateway.clients.licensing import licensing
from gateway.clients.mfa import mfa
from gateway.clients.notifications import notifications
from gateway.clients.orders import orders
from gateway.faults import refused, sentence_of
from gateway.portal.journey import Form, at_most, page, required
from gateway.portal.staff.desk import Page, admin, journey
from gateway.portal.staff.faults import DEEDS, why_dead
from gateway.security.guards import guard
from libs.contracts.dead_letters import (
    LETTER_STATES,
    DeadLetters,
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.contracts.errors import Conflict, NotFound, ServiceError

T = TypeVar("T")

SERVICES: Mapping[str, Remote] = {
    "identity": cast(Remote, identity),
    "mfa": cast(Remote, mfa),
    "orders": cast(Remote, orders),
    "licensing": cast(Remote, licensing),
    "certificates": cast(Remote, certificates),
    "notifications": cast(Remote, notifications),
}

NAMES = {
    "identity": _l("Accounts"),
    "mfa": _l("Second factor"),
    "orders": _l("Orders"),
    "licensing": _l("Licences"),
    "certificates": _l("Trainings"),
    "notifications": _l("Messages"),
}

MOST = 200
LONGEST = 30.0
"""Seconds for an answer; each question ends long before by its own deadline."""


class DiscardLettersForm(Form):
    """Why letters are given up for good."""

    note = StringField(_l("Note"), [required(), at_most(500)])


@journey.get("/work/dead-letters")
@guard(admin)
def dead_letters() -> Page:
    """How many letters wait in each service, of what they died, and for how long."""
    found = side_by_side({name: _overview(remote) for name, remote in SERVICES.items()})
    told = {name: answer for name, answer in found.items() if not isinstance(answer, ServiceError)}
    return page(
        "staff/dead_letters.html",
        kinds=[(name, kind) for name, answer in told.items() for kind in answer.kinds],
        waiting={name: answer.waiting for name, answer in told.items()},
        silent=[name for name in SERVICES if name not in told],
        names=NAMES,
        why=why_dead,
    )


def _overview(remote: Remote) -> Callable[[], DeadLetters]:
    return lambda: remote.list_dead_letters(ListDeadLetters(page_size=1))


def side_by_side(questions: Mapping[str, Callable[[], T]]) -> dict[str, T | ServiceError]:
    """Ask several services at once, each in this request's name; a refusal stands in its answer's place."""

    def ask(question: Callable[[], T]) -> T | ServiceError:
        try:
            return question()
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(len(questions)) as pool:
        asked = {name: pool.submit(copy_context().run, ask, question) for name, question in questions.items()}
        return {name: answer.result(timeout=LONGEST) for name, answer in asked.items()}


@journey.get("/work/dead-letters/<service>")
@guard(admin)
def service_letters(service: str) -> Page:
    """The letters of one service."""
    status, reason, event_type = _filter(request.args)
    found = _remote(service).list_dead_letters(
        ListDeadLetters(
            status=status, reason=reason, type=event_type, page_token=request.args.get("page_token") or None
        )
    )
    of_kind = sum(k.count for k in found.kinds if reason in ("", k.reason) and event_type in ("", k.type))
    return page(
        "staff/service_letters.html",
        service=service,
        name=NAMES[service],
        letters=found,
        status=status,
        reason=reason,
        event_type=event_type,
        of_kind=of_kind,
        reasons=sorted(
            {*(kind.reason for kind in found.kinds), *(one.reason for one in found.items), reason} - {""}, key=why_dead
        ),
        why=why_dead,
    )


def _filter(values: Mapping[str, str]) -> tuple[str, str, str]:
    status = values.get("status", "waiting")
    reason, event_type = (values.get(name, "").strip()[:200] for name in ("reason", "type"))
    return status if status in ("", *LETTER_STATES) else "waiting", reason, event_type


@journey.get("/work/dead-letters/<service>/<uuid:letter_id>")
@guard(admin)
def dead_letter(service: str, letter_id: UUID) -> Page:
    """One letter with its body, its headers and its history."""
    letter = _remote(service).get_dead_letter(letter_id)
    return page(
        "staff/dead_letter.html",
        service=service,
        name=NAMES[service],
        letter=letter,
        body=pretty(letter),
        deeds=DEEDS,
        why=why_dead,
    )


def pretty(letter: DeadLetterView) -> str | None:
    """A body as a person reads it: JSON in lines, anything else as it is."""
    if letter.body is None or letter.body_form != "text":
        return letter.body
    try:
        return json.dumps(json.loads(letter.body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return letter.body


@journey.post("/work/dead-letters/<service>/replay")
@guard(admin)
def replay_letters(service: str) -> Page:
    """Give letters back: one, those that are ticked, or all of a kind, which is asked for once more."""
    remote, chosen = _remote(service), _chosen()
    if chosen is None:
        return _none_chosen(service)
    if not chosen["letter_ids"] and "confirmed" not in request.form:
        return page(
            "base/confirm.html",
            heading=_("Give back all letters of this kind?"),
            sentence=_("Each goes to its handlers once more. What they have done already is not done again."),
            label=_("Give back"),
            back=_list_of(service, chosen),
            fields={"reason": chosen["reason"], "type": chosen["type"], "all": "1", "confirmed": "1"},
            here="staff.dead_letters",
        )
    try:
        done = remote.replay_dead_letters(ReplayDeadLetters(**chosen))
    except Conflict as error:
        flash(sentence_of(error), "warn")
    else:
        if done.count:
            flash(
                ngettext(
                    "%(num)s letter is on its way to its handlers.",
                    "%(num)s letters are on their way to their handlers.",
                    done.count,
                ),
                "good",
            )
        _tell_of_the_rest(done)
    return redirect(_back(service, chosen))


@journey.post("/work/dead-letters/<service>/discard")
@guard(admin)
def discard_letters(service: str) -> Page:
    """Give letters up for good, after saying why."""
    remote, chosen = _remote(service), _chosen()
    if chosen is None:
        return _none_chosen(service)
    form = DiscardLettersForm() if "confirmed" in request.form else DiscardLettersForm(formdata=None)
    if "confirmed" in request.form and form.validate():
        with refused(form):
            done = remote.discard_dead_letters(DiscardDeadLetters(note=form.note.data or "", **chosen))
            if done.count:
                flash(ngettext("%(num)s letter is discarded.", "%(num)s letters are discarded.", done.count), "good")
            _tell_of_the_rest(done)
            return redirect(_back(service, chosen))
    return page("staff/discard_letters.html", form, service=service, chosen=chosen, back=_back(service, chosen))


def _remote(service: str) -> Remote:
    if service not in SERVICES:
        raise NotFound
    return SERVICES[service]


def _chosen() -> dict[str, Any] | None:
    """Which letters the form speaks of; None where it speaks of none."""
    if request.form.get("all"):
        _status, reason, event_type = _filter(request.form)
        everything = not (reason or event_type)
        return {"letter_ids": [], "reason": reason, "type": event_type, "all_waiting": everything}
    ids = []
    for value in request.form.getlist("letter")[:MOST]:
        try:
            ids.append(UUID(value))
        except ValueError:
            continue
    return {"letter_ids": ids} if ids else None


def _none_chosen(service: str) -> Page:
    flash(_("Tick at least one letter first."), "warn")
    return redirect(url_for("staff.service_letters", service=service))


def _tell_of_the_rest(done: DeadLettersDealtWith) -> None:
    if done.left:
        flash(
            ngettext(
                "%(num)s letter was left as it is: it was dealt with before, or cannot be given back.",
                "%(num)s letters were left as they are: they were dealt with before, or cannot be given back.",
                done.left,
            ),
            "warn",
        )


def _back(service: str, chosen: Mapping[str, Any]) -> str:
    if len(chosen["letter_ids"]) == 1:
        return url_for("staff.dead_letter", service=service, letter_id=chosen["letter_ids"][0])
    return _list_of(service, chosen)


def _list_of(service: str, chosen: Mapping[str, Any]) -> str:
    kind = {name: chosen[name] for name in ("reason", "type") if chosen.get(name)}
    return url_for("staff.service_letters", service=service, **kind)
