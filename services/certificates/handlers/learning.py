"""A person learns: opens a module, sits its test, or has another learning system report it."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.contracts.certificates import CompleteModule, GetModule, ModuleContent, QuestionView, SubmitTest, TestResult
from libs.contracts.errors import Conflict, NotFound
from libs.messaging.work import Work
from services.certificates import settings
from services.certificates.adapters.markdown import to_html
from services.certificates.model import EnrolledModule, Enrolment, LibraryEntry, ModuleText, Question, Training
from services.certificates.model.enrolment import Attempt
from services.certificates.model.examination import grade

OUTSIDE_REPORTERS = ("clerk", "admin")


def open_module(work: Work, request: GetModule) -> ModuleContent:
    """The text and the questions of a module; the first one opened begins the training."""
    enrolment = _own(work, request.enrolment_id)
    module = enrolment.module(request.code)
    text_id = module.text_id or _current_text(work, enrolment, request.code)
    if text_id is None:
        raise NotFound("no_text", "This module is not taught here.")
    now = work.now()
    enrolment.read(request.code, text_id, now=now, today=settings.local_date(now))
    return _content(enrolment, module, work.session.get_one(ModuleText, text_id), request.language)


def submit_test(work: Work, request: SubmitTest) -> TestResult:
    """Mark the answers to a module's test and keep them."""
    enrolment = _own(work, request.enrolment_id)
    module = enrolment.module(request.code)
    if module.text_id is None:
        raise Conflict("module_not_read", "Please read the module before its test.")
    questions = Question.read_all(work.session.get_one(ModuleText, module.text_id).questions)
    marked = grade(questions, request.answers, module.id)
    answers = {answer.question_id: answer.choice for answer in request.answers}
    attempt = _sit(work, enrolment, request.code, marked.score, source="test", answers=answers)
    return _result(enrolment, request.code, attempt, marked.wrong)


def complete_module(work: Work, request: CompleteModule) -> TestResult:
    """Take an outside learning system's word for a module.

    The learner's own system may report trainings that the operator teaches outside; where a test waits here, only
    the operator's staff may, lest people certify themselves.
    """
    by_staff = work.caller.has(*OUTSIDE_REPORTERS)
    enrolment = _locked(work, request.enrolment_id) if by_staff else _own(work, request.enrolment_id)
    if not by_staff and not _taught_outside(work, enrolment, request.code):
        raise Conflict("test_required", "This module is passed by its test.")
    reported = {"reported_by": str(work.caller.account_id)}
    attempt = _sit(work, enrolment, request.code, request.score, source="outside", answers=reported)
    return _result(enrolment, request.code, attempt, [])


def _sit(work: Work, enrolment: Enrolment, code: str, score: int, *, source: str, answers: dict[str, Any]) -> Attempt:
    now = work.now()
    pass_mark = settings.operator().training.pass_mark
    return enrolment.sit(
        code, score, pass_mark=pass_mark, source=source, answers=answers, now=now, today=settings.local_date(now)
    )


def _result(enrolment: Enrolment, code: str, attempt: Attempt, wrong: list[str]) -> TestResult:
    return TestResult(
        enrolment_id=enrolment.id,
        code=code,
        score=attempt.score,
        pass_mark=settings.operator().training.pass_mark,
        passed=attempt.passed,
        wrong=wrong,
        training_passed=enrolment.state == "passed",
        next_code=enrolment.after(code),
    )


def _content(enrolment: Enrolment, module: EnrolledModule, text: ModuleText, language: str) -> ModuleContent:
    return ModuleContent(
        enrolment_id=enrolment.id,
        code=module.code,
        name=module.name,
        training=enrolment.training,
        minutes=module.minutes,
        html=to_html(text.markdown[language]),
        questions=[
            QuestionView(
                id=question.id,
                text=question.text[language],
                choices=[choice[language] for choice in question.shown(module.id)],
            )
            for question in Question.read_all(text.questions)
        ],
        pass_mark=settings.operator().training.pass_mark,
        state=module.state,
        score=module.score,
        next_code=enrolment.after(module.code),
    )


def _own(work: Work, enrolment_id: UUID) -> Enrolment:
    account_id = work.caller.account_id
    enrolment = _locked(work, enrolment_id)
    if enrolment.account_id != account_id:
        raise NotFound
    return enrolment


def _locked(work: Work, enrolment_id: UUID) -> Enrolment:
    enrolment = work.session.get(Enrolment, enrolment_id, with_for_update=True)
    if enrolment is None or enrolment.state == "withdrawn":
        raise NotFound
    return enrolment


def _current_text(work: Work, enrolment: Enrolment, code: str) -> UUID | None:
    entry = work.session.get(LibraryEntry, (enrolment.training_sku, code))
    return entry.text_id if entry else None


def _taught_outside(work: Work, enrolment: Enrolment, code: str) -> bool:
    training = work.session.scalars(select(Training).where(Training.sku == enrolment.training_sku)).first()
    return training is None or training.outside or all(entry.code != code for entry in training.modules)
