"""What the portal asks of ``certificates``: learning, results, certificates."""

from collections.abc import Sequence
from uuid import UUID

from gateway.clients.base import Remote, client
from libs.contracts import certificates as contract


class CertificatesClient(Remote):
    """The remote side of ``certificates``; each method is one deed or question there."""

    service = "certificates"

    # Learning

    def list_my_trainings(self) -> contract.Trainings:
        """The caller's trainings."""
        return self._ask("list_my_trainings", contract.ListMyTrainings(), contract.Trainings)

    def get_my_training(self, enrolment_id: UUID) -> contract.EnrolmentView:
        """One of the caller's trainings."""
        request = contract.GetMyTraining(enrolment_id=enrolment_id)
        return self._ask("get_my_training", request, contract.EnrolmentView)

    def get_module(self, enrolment_id: UUID, code: str, language: str) -> contract.ModuleContent:
        """Text and test of a module; opening it is noted as the beginning of the training."""
        request = contract.GetModule(enrolment_id=enrolment_id, code=code, language=language)
        return self._tell("get_module", request, contract.ModuleContent)

    def submit_test(self, enrolment_id: UUID, code: str, answers: Sequence[contract.Answer]) -> contract.TestResult:
        """Hand in the answers to a module's test."""
        request = contract.SubmitTest(enrolment_id=enrolment_id, code=code, answers=list(answers))
        return self._tell("submit_test", request, contract.TestResult)

    def complete_module(self, enrolment_id: UUID, code: str, score: int) -> contract.TestResult:
        """Say from an outside learning system that a module was completed."""
        request = contract.CompleteModule(enrolment_id=enrolment_id, code=code, score=score)
        return self._tell("complete_module", request, contract.TestResult)

    def list_library(self) -> contract.Library:
        """What anyone may read about the modules."""
        return self._ask("list_library", contract.ListLibrary(), contract.Library)

    # Results and certificates

    def list_results(self, request: contract.ListResults) -> contract.Results:
        """A page of an organisation's results."""
        return self._ask("list_results", request, contract.Results)

    def get_certificate(self, number: str) -> contract.CertificateView:
        """One certificate; ``NotFound`` where the caller has no business with it."""
        return self._ask("get_certificate", contract.GetCertificate(number=number), contract.CertificateView)

    def check_certificate(self, code: str) -> contract.CertificateCheck:
        """Whether a certificate is valid; for anyone."""
        return self._ask("check_certificate", contract.CheckCertificate(code=code), contract.CertificateCheck)

    def revoke_certificate(self, number: str, reason: str) -> contract.CertificateView:
        """Withdraw a certificate for good."""
        request = contract.RevokeCertificate(number=number, reason=reason)
        return self._tell("revoke_certificate", request, contract.CertificateView)

    def request_archive(self, organisation_id: UUID) -> contract.ArchiveView:
        """Have one ZIP made with all certificates of an organisation."""
        request = contract.RequestArchive(organisation_id=organisation_id)
        return self._tell("request_archive", request, contract.ArchiveView)

    def get_archive(self, archive_id: UUID) -> contract.ArchiveView:
        """How far an archive is."""
        return self._ask("get_archive", contract.GetArchive(archive_id=archive_id), contract.ArchiveView)


certificates = client(CertificatesClient)
