"""Enrolments, certificates and archives as contracts show them."""

from libs.contracts.certificates import ArchiveView, CertificateView, EnrolledModule, EnrolmentView
from services.certificates.model import Archive, Certificate, Enrolment


def enrolment_view(enrolment: Enrolment, certificate: Certificate | None) -> EnrolmentView:
    """A training with its modules; a certificate has a number to show once it is printed."""
    shown = certificate if certificate and certificate.document else None
    return EnrolmentView(
        id=enrolment.id,
        account_id=enrolment.account_id,
        organisation_id=enrolment.organisation_id,
        sku=enrolment.sku,
        training=enrolment.training,
        state=enrolment.state,
        assigned_at=enrolment.assigned_at,
        valid_until=enrolment.valid_until,
        minutes=enrolment.minutes,
        modules=[
            EnrolledModule(
                code=module.code,
                name=module.name,
                minutes=module.minutes,
                state=module.state,
                score=module.score,
                passed_at=module.passed_at,
            )
            for module in enrolment.modules
        ],
        passed_at=enrolment.passed_at,
        certificate_number=shown.number if shown else None,
        certificate_state=shown.state if shown else None,
    )


def certificate_view(certificate: Certificate) -> CertificateView:
    """A printed certificate."""
    return CertificateView(
        number=certificate.number,
        check_code=certificate.check_code,
        account_id=certificate.account_id,
        organisation_id=certificate.organisation_id,
        holder=certificate.holder or "",
        training=certificate.training,
        minutes=certificate.minutes,
        modules=[module["name"] for module in certificate.modules],
        issued_at=certificate.issued_at,
        state=certificate.state,
        revoked_at=certificate.revoked_at,
        revocation_reason=certificate.revocation_reason,
        document=certificate.document,
    )


def archive_view(archive: Archive) -> ArchiveView:
    """How far an archive is."""
    return ArchiveView(
        id=archive.id,
        organisation_id=archive.organisation_id,
        state=archive.state,
        requested_at=archive.requested_at,
        certificates=archive.certificates,
        packed=archive.packed,
        missing=archive.missing,
        document=archive.document,
    )
