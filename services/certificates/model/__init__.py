"""Enrolments, certificates, content and archives, with their rules and the events they record."""

from services.certificates.model.archive import Archive
from services.certificates.model.base import Base
from services.certificates.model.certificate import Certificate, CertificateSeries
from services.certificates.model.content import LibraryEntry, ModuleText, Training
from services.certificates.model.enrolment import Attempt, EnrolledModule, Enrolment, Withdrawal
from services.certificates.model.examination import Grade, Question

__all__ = [
    "Archive",
    "Attempt",
    "Base",
    "Certificate",
    "CertificateSeries",
    "EnrolledModule",
    "Enrolment",
    "Grade",
    "LibraryEntry",
    "ModuleText",
    "Question",
    "Training",
    "Withdrawal",
]
