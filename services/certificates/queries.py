"""What may be asked: own trainings, the library, results, certificates and the public check."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, func, select

from libs.contracts.certificates import (
    ArchiveView,
    CertificateCheck,
    CertificateView,
    CheckCertificate,
    EnrolmentView,
    GetArchive,
    GetCertificate,
    GetMyTraining,
    Library,
    LibraryModule,
    LibraryTraining,
    ListLibrary,
    ListMyTrainings,
    ListResults,
    Results,
    ResultView,
    Trainings,
)
from libs.contracts.errors import Invalid, NotFound
from libs.messaging.work import Work
from services.certificates import settings, views
from services.certificates.model import Archive, Certificate, Enrolment, Training
from services.certificates.model.numbers import read_check_code, read_number
from services.certificates.projections import Person

RESULT_READERS = ("clerk", "official", "admin")
PRINTED = Certificate.document_sha256.is_not(None)


def list_my_trainings(work: Work, request: ListMyTrainings) -> Trainings:
    """The caller's trainings: unfinished ones first, then the newest."""
    unfinished_first = case((Enrolment.state == "passed", 1), else_=0)
    mine = (
        _with_certificates()
        .where(Enrolment.account_id == work.caller.account_id, Enrolment.state != "withdrawn")
        .order_by(unfinished_first, Enrolment.id.desc())
    )
    return Trainings(
        items=[views.enrolment_view(enrolment, certificate) for enrolment, certificate in work.session.execute(mine)]
    )


def get_my_training(work: Work, request: GetMyTraining) -> EnrolmentView:
    """One of the caller's trainings."""
    mine = _with_certificates().where(
        Enrolment.id == request.enrolment_id,
        Enrolment.account_id == work.caller.account_id,
        Enrolment.state != "withdrawn",
    )
    found = work.session.execute(mine).first()
    if found is None:
        raise NotFound
    return views.enrolment_view(*found)


def list_library(work: Work, request: ListLibrary) -> Library:
    """Every training with its modules, for anyone to read about."""
    trainings = work.session.scalars(select(Training).order_by(Training.position))
    return Library(
        items=[
            LibraryTraining(
                sku=training.sku,
                name=training.name,
                modules=[
                    LibraryModule(code=one.code, name=one.name, summary=one.summary, minutes=one.minutes)
                    for one in training.modules
                ],
            )
            for training in trainings
        ]
    )


def list_results(work: Work, request: ListResults) -> Results:
    """A page of the results table of an organisation, newest first."""
    work.caller.require_manager_of(request.organisation_id, or_staff=RESULT_READERS)
    chosen = [Enrolment.organisation_id == request.organisation_id]
    if request.sku:
        chosen.append(Enrolment.sku == request.sku)
    if request.state:
        chosen.append(Enrolment.state == request.state)
    page = results_of(*chosen).limit(request.page_size + 1)
    if request.page_token:
        page = page.where(Enrolment.id < _position(request.page_token))
    rows = [result_view(*row) for row in work.session.execute(page)]
    more = len(rows) > request.page_size
    return Results(
        items=rows[: request.page_size],
        total=work.session.scalar(select(func.count()).select_from(Enrolment).where(*chosen)) or 0,
        next_page_token=rows[request.page_size - 1].enrolment_id.hex if more else None,
    )


def get_certificate(work: Work, request: GetCertificate) -> CertificateView:
    """A certificate: one's own, one of the organisation one manages, or any for staff; all others are not found."""
    caller = work.caller
    certificate = _printed(work, Certificate.number == read_number(request.number))
    if certificate is None:
        raise NotFound
    manages = caller.has("manager") and caller.organisation_id == certificate.organisation_id
    if not (caller.is_staff or manages or caller.account_id == certificate.account_id):
        raise NotFound
    return views.certificate_view(certificate)


def check_certificate(work: Work, request: CheckCertificate) -> CertificateCheck:
    """What anyone who holds the code may know; the same shape of answer whatever was asked."""
    number, code = read_check_code(request.code)
    certificate = _printed(work, Certificate.check_code == code) if code else None
    if certificate is None or (number and number != certificate.number):
        return CertificateCheck(state="unknown")
    issuer = settings.operator().name
    return CertificateCheck(
        state=certificate.state,
        number=certificate.number,
        holder=certificate.holder,
        training=certificate.training,
        minutes=certificate.minutes,
        issued_on=settings.local_date(certificate.issued_at),
        revoked_on=settings.local_date(certificate.revoked_at) if certificate.revoked_at else None,
        issuer=issuer.get(certificate.language or "", issuer["bg"]),
    )


def get_archive(work: Work, request: GetArchive) -> ArchiveView:
    """How far an archive is; for managers of its organisation and staff."""
    work.caller.require("manager", *RESULT_READERS)
    archive = work.session.get(Archive, request.archive_id)
    if archive is None:
        raise NotFound
    work.caller.require_manager_of(archive.organisation_id, or_staff=RESULT_READERS)
    return views.archive_view(archive)


def results_of(*chosen: Any) -> Select[Enrolment, Certificate, Person]:
    """Enrolments with certificate and person, where there are any, newest first."""
    return (
        select(Enrolment, Certificate, Person)
        .outerjoin(Certificate, and_(Certificate.enrolment_id == Enrolment.id, PRINTED))
        .outerjoin(Person, Person.account_id == Enrolment.account_id)
        .where(*chosen)
        .order_by(Enrolment.id.desc())
    )


def result_view(enrolment: Enrolment, certificate: Certificate | None, person: Person | None) -> ResultView:
    """A row of the results table."""
    return ResultView(
        enrolment_id=enrolment.id,
        account_id=enrolment.account_id,
        person=person.name if person else "",
        sku=enrolment.sku,
        training=enrolment.training,
        state=enrolment.state,
        assigned_at=enrolment.assigned_at,
        modules_passed=sum(1 for module in enrolment.modules if module.passed_at),
        modules_total=len(enrolment.modules),
        minutes=enrolment.minutes,
        score=enrolment.score,
        passed_at=enrolment.passed_at,
        certificate_number=certificate.number if certificate else None,
        certificate_state=certificate.state if certificate else None,
    )


def _with_certificates() -> Select[Enrolment, Certificate]:
    return select(Enrolment, Certificate).outerjoin(
        Certificate, and_(Certificate.enrolment_id == Enrolment.id, PRINTED)
    )


def _printed(work: Work, chosen: Any) -> Certificate | None:
    return work.session.scalars(select(Certificate).where(chosen, PRINTED)).first()


def _position(token: str) -> UUID:
    try:
        return UUID(hex=token)
    except ValueError:
        raise Invalid.field("page_token", "not_valid") from None
