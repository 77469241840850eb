"""Proof of a passed training: numbered once, printed once, perhaps revoked, never deleted."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.documents import StoredDocument
from libs.chassis.ids import new_id
from libs.contracts.base import DocumentView
from libs.contracts.certificates import CertificateIssued, CertificateRevoked
from libs.contracts.errors import Conflict
from libs.messaging.outbox import Aggregate
from services.certificates.model.base import Base
from services.certificates.model.enrolment import Enrolment
from services.certificates.model.numbers import new_check_code

ISSUING, VALID, REVOKED = "issuing", "valid", "revoked"
RETRY_FIRST, RETRY_MOST = timedelta(seconds=2), timedelta(minutes=5)


class CertificateSeries(Base):
    """The last serial given out in a year; its row is locked until the certificate that took it is committed."""

    __tablename__ = "certificate_series"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Certificate(Aggregate, Base):
    """A certificate: ``issuing`` until its PDF is stored, then ``valid``, then perhaps ``revoked``.

    Everything that is printed is frozen here first, so that printing again gives the same bytes.
    ``holder`` is empty while the person's name has not yet been heard of.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        CheckConstraint("state IN ('issuing', 'valid', 'revoked')", name="state"),
        Index(None, "organisation_id"),
        Index(None, "account_id"),
        Index("ix_certificates_issuing", "retry_at", postgresql_where=text("state = 'issuing'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    check_code: Mapped[str] = mapped_column(unique=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), unique=True)
    account_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    holder: Mapped[str | None]
    language: Mapped[str | None]
    training: Mapped[dict[str, str]]
    modules: Mapped[list[Any]]
    minutes: Mapped[int]
    tested: Mapped[bool]
    begun_at: Mapped[datetime]
    passed_at: Mapped[datetime]
    issued_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default=ISSUING)
    document_sha256: Mapped[str | None]
    document_size: Mapped[int | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revocation_reason: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0)
    correlation_id: Mapped[str | None]
    retry_at: Mapped[datetime]

    @classmethod
    def issue(cls, enrolment: Enrolment, number: str, *, now: datetime) -> "Certificate":
        """A numbered certificate of a passed training, ready to be printed."""
        if enrolment.passed_at is None:
            raise Conflict("training_not_passed", "The training is not passed yet.")
        return cls(
            number=number,
            check_code=new_check_code(),
            enrolment_id=enrolment.id,
            account_id=enrolment.account_id,
            organisation_id=enrolment.organisation_id,
            training=enrolment.training,
            modules=[{"name": module.name, "minutes": module.minutes} for module in enrolment.modules],
            minutes=enrolment.minutes,
            tested=enrolment.tested,
            begun_at=enrolment.begun_at or enrolment.passed_at,
            passed_at=enrolment.passed_at,
            issued_at=now,
            retry_at=now,
        )

    @property
    def key(self) -> str:
        """Where its PDF lies in the document store."""
        return f"certificates/{self.number}.pdf"

    @property
    def document(self) -> DocumentView | None:
        """The stored PDF; ``None`` before it is printed."""
        if self.document_sha256 is None or self.document_size is None:
            return None
        return DocumentView(
            key=self.key,
            filename=f"{self.number}.pdf",
            content_type="application/pdf",
            sha256=self.document_sha256,
            size=self.document_size,
        )

    def name_holder(self, name: str, language: str) -> None:
        """Freeze the holder's name and language; a later correction does not change what was issued."""
        self.holder, self.language = name, language

    def publish(self, stored: StoredDocument) -> None:
        """The PDF is stored: the certificate is out."""
        self.state = VALID
        self.document_sha256, self.document_size = stored.sha256, stored.size
        self.record(
            CertificateIssued(
                certificate_id=self.id,
                assignment_id=self.enrolment_id,
                account_id=self.account_id,
                organisation_id=self.organisation_id,
                number=self.number,
                check_code=self.check_code,
                training=self.training,
                document=stored.view(f"{self.number}.pdf"),
            )
        )

    def try_again(self, now: datetime) -> None:
        """Printing failed; wait, longer each time, so that one bad certificate does not hold up the others."""
        self.tries += 1
        self.retry_at = now + min(RETRY_FIRST * 2 ** min(self.tries, 10), RETRY_MOST)

    def revoke(self, reason: str, *, by: UUID, now: datetime) -> None:
        """Withdraw it for good."""
        if self.state != VALID:
            raise Conflict("already_revoked" if self.state == REVOKED else "not_issued_yet")
        self.state, self.revoked_at, self.revoked_by, self.revocation_reason = REVOKED, now, by, reason
        self.record(
            CertificateRevoked(
                certificate_id=self.id,
                account_id=self.account_id,
                organisation_id=self.organisation_id,
                number=self.number,
                reason=reason,
            )
        )
