"""A passed training becomes a numbered certificate, and perhaps a revoked one; printing.py does what lies between."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.certificates import CertificateView, RevokeCertificate, TrainingPassed
from libs.contracts.errors import NotFound
from libs.messaging.work import Work
from services.certificates import settings, views
from services.certificates.model import Certificate, CertificateSeries, Enrolment
from services.certificates.model.numbers import make_number, read_number
from services.certificates.projections import PRINT_JOB, Person

BATCH = 20


def issue_certificate(work: Work, event: TrainingPassed) -> None:
    """Give the passed training its certificate's number; printing follows as soon as this is committed."""
    enrolment = work.session.get_one(Enrolment, event.assignment_id, with_for_update=True)
    if work.session.scalar(select(Certificate.id).where(Certificate.enrolment_id == enrolment.id)):
        return
    certificate = Certificate.issue(enrolment, _next_number(work), now=work.now())
    certificate.correlation_id = work.correlation_id
    _name_holder(work, certificate)
    work.session.add(certificate)
    work.wake(PRINT_JOB)


def name_waiting(work: Work) -> bool:
    """Name the holders that were not known when their certificates were numbered; True while there may be more."""
    due = select(Certificate).where(Certificate.state == "issuing", Certificate.holder.is_(None))
    known = due.join(Person, Person.account_id == Certificate.account_id).limit(BATCH)
    certificates = work.session.scalars(known.with_for_update(of=Certificate, skip_locked=True)).all()
    for certificate in certificates:
        _name_holder(work, certificate)
    if certificates:
        # printing is another transaction: what is printed must be frozen first
        work.wake(PRINT_JOB)
    return len(certificates) == BATCH


def revoke_certificate(work: Work, request: RevokeCertificate) -> CertificateView:
    """Withdraw a certificate for good; its check page says so from now on."""
    work.caller.require("clerk", "admin")
    certificate = work.session.scalars(
        select(Certificate).where(Certificate.number == read_number(request.number)).with_for_update()
    ).first()
    if certificate is None:
        raise NotFound
    certificate.revoke(request.reason, by=work.caller.account_id, now=work.now())
    return views.certificate_view(certificate)


def _next_number(work: Work) -> str:
    """The next number of the year; rolled back, it is given to the next one, committed, it is never given again."""
    prefix = settings.operator().training.certificate_prefix
    year = settings.local_date(work.now()).year
    taken = insert(CertificateSeries).values(prefix=prefix, year=year, last=1)
    serial = work.session.scalars(
        taken.on_conflict_do_update(
            index_elements=[CertificateSeries.prefix, CertificateSeries.year],
            set_={"last": CertificateSeries.last + 1},
        ).returning(CertificateSeries.last)
    ).one()
    return make_number(prefix, year, serial)


def _name_holder(work: Work, certificate: Certificate) -> None:
    if person := work.session.get(Person, certificate.account_id):
        certificate.name_holder(person.name, person.language)
