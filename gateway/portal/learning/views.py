"""Learning: own trainings with their modules and tests, the public library, the organisation's results."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for

from gateway.clients.certificates import certificates
from gateway.faults import sentence, sentence_of
from gateway.i18n import language
from gateway.panels import panel
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.portal.learning import faults as _faults  # noqa: F401  its sentences
from gateway.security.guards import guard, public, role, signed_in
from gateway.security.session import the_visitor
from gateway.streams import push
from gateway.uploads import send_document
from libs.contracts.certificates import Answer, ArchiveProgressed, ListResults, ModuleContent
from libs.contracts.errors import Conflict, Invalid, NotFound

journey = journeys.new(__name__)
Page = tuple[str, int] | Any
learner = role("member", "manager")
manager = role("manager")

LONGEST_WAIT = timedelta(minutes=10)
RESULT_STATES = ("assigned", "begun", "passed", "withdrawn")


def _organisation() -> UUID:
    organisation_id = the_visitor().organisation_id
    if organisation_id is None:
        raise NotFound
    return organisation_id


@journey.get("/library")
@guard(public)
def library() -> Page:
    """What anyone may read about the modules of each training."""
    return page("learning/library.html", trainings=certificates.list_library().items)


@journey.get("/trainings")
@guard(signed_in)
def my_trainings() -> Page:
    """The reader's own trainings."""
    return page("learning/my_trainings.html", trainings=certificates.list_my_trainings().items)


@journey.get("/trainings/<uuid:enrolment_id>")
@guard(signed_in)
def training(enrolment_id: UUID) -> Page:
    """One training with its modules."""
    return page("learning/training.html", training=certificates.get_my_training(enrolment_id))


@journey.get("/trainings/<uuid:enrolment_id>/<code>")
@guard(signed_in)
def module(enrolment_id: UUID, code: str) -> Page:
    """The text of a module."""
    return page("learning/module.html", module=certificates.get_module(enrolment_id, code, language()))


@journey.route("/trainings/<uuid:enrolment_id>/<code>/test", methods=["GET", "POST"])
@guard(signed_in)
def test(enrolment_id: UUID, code: str) -> Page:
    """The test of a module, and how it went."""
    content = certificates.get_module(enrolment_id, code, language())
    if request.method == "GET":
        return _test(content, {}, {})
    chosen, missing = _answers(content)
    if missing:
        return _test(content, chosen, missing)
    answers = [Answer(question_id=question, choice=choice) for question, choice in chosen.items()]
    try:
        result = certificates.submit_test(enrolment_id, code, answers)
    except Invalid:
        return _test(content, chosen, {question.id: sentence("answer_missing") for question in content.questions})
    except Conflict as error:
        flash(sentence_of(error), "warn")
        return redirect(url_for("learning.training", enrolment_id=enrolment_id))
    return page("learning/result.html", module=content, result=result, chosen=chosen)


def _answers(content: ModuleContent) -> tuple[dict[str, int], dict[str, str]]:
    """What was chosen, and the questions without an answer."""
    chosen: dict[str, int] = {}
    for question in content.questions:
        typed = request.form.get(question.id, "")
        if typed.isascii() and typed.isdigit() and int(typed) < len(question.choices):
            chosen[question.id] = int(typed)
    missing = {q.id: sentence("answer_missing") for q in content.questions if q.id not in chosen}
    return chosen, missing


def _test(content: ModuleContent, chosen: dict[str, int], missing: dict[str, str]) -> Page:
    faults = [(f"#{q.id}", f"{n}. {missing[q.id]}") for n, q in enumerate(content.questions, 1) if q.id in missing]
    return page(
        "learning/test.html", module=content, chosen=chosen, missing=missing, faults=faults, faulty=bool(missing)
    )


@journey.get("/management/trainings")
@guard(manager)
def results() -> Page:
    """Results of all trainings given to people of the organisation."""
    state = request.args.get("state", "")
    found = certificates.list_results(
        ListResults(
            organisation_id=_organisation(),
            state=state if state in RESULT_STATES else "",
            page_token=request.args.get("page_token") or None,
        )
    )
    return page("learning/results.html", results=found, state=state)


@journey.post("/management/trainings/archive")
@guard(manager)
def new_archive() -> Page:
    """Have one file made with all certificates of the organisation."""
    return redirect(url_for("learning.archive", archive_id=certificates.request_archive(_organisation()).id))


@journey.get("/management/trainings/archive/<uuid:archive_id>")
@guard(manager)
def archive(archive_id: UUID) -> Page:
    """How far the file is, then the file."""
    return page("learning/archive.html", archive=certificates.get_archive(archive_id))


@journey.get("/management/trainings/archive/<uuid:archive_id>/events")
@guard(manager)
def archive_events(archive_id: UUID) -> Any:
    """Push to the page that waits for the file."""
    view = certificates.get_archive(archive_id)

    def settled() -> bool:
        return certificates.get_archive(archive_id).state in ("ready", "failed")

    return push(ArchiveProgressed, str(view.id), until=datetime.now(UTC) + LONGEST_WAIT, settled=settled)


@journey.get("/management/trainings/archive/<uuid:archive_id>.zip")
@guard(manager)
def archive_file(archive_id: UUID) -> Any:
    """The file itself."""
    view = certificates.get_archive(archive_id)
    if view.document is None:
        raise NotFound
    return send_document(view.document)


@panel(learner, order=30, template="learning/panel.html")
def unfinished() -> dict[str, Any] | None:
    """Trainings that wait for the reader, and certificates earned."""
    found = certificates.list_my_trainings().items
    return {"trainings": found} if found else None
