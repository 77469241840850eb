"""What callers may ask of certificates."""

from libs.contracts.certificates import (
    ArchiveView,
    CertificateCheck,
    CertificateView,
    CheckCertificate,
    CompleteModule,
    EnrolmentView,
    GetArchive,
    GetCertificate,
    GetModule,
    GetMyTraining,
    Library,
    ListLibrary,
    ListMyTrainings,
    ListResults,
    ModuleContent,
    RequestArchive,
    Results,
    RevokeCertificate,
    SubmitTest,
    TestResult,
    Trainings,
)
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work
from services.certificates import queries
from services.certificates.handlers import archiving, issuing, learning


class CertificatesRpc(ServiceRpc):
    """Trainings of a person, results of an organisation, certificates and their check."""

    name = "certificates"

    @query
    def list_my_trainings(self, work: Work, request: ListMyTrainings) -> Trainings:
        return queries.list_my_trainings(work, request)

    @query
    def get_my_training(self, work: Work, request: GetMyTraining) -> EnrolmentView:
        return queries.get_my_training(work, request)

    # a command, because the first look begins the training; repeating it is harmless
    @command(remember=False)
    def get_module(self, work: Work, request: GetModule) -> ModuleContent:
        return learning.open_module(work, request)

    @command
    def submit_test(self, work: Work, request: SubmitTest) -> TestResult:
        return learning.submit_test(work, request)

    @command
    def complete_module(self, work: Work, request: CompleteModule) -> TestResult:
        return learning.complete_module(work, request)

    @query(public=True)
    def list_library(self, work: Work, request: ListLibrary) -> Library:
        return queries.list_library(work, request)

    @query
    def list_results(self, work: Work, request: ListResults) -> Results:
        return queries.list_results(work, request)

    @query
    def get_certificate(self, work: Work, request: GetCertificate) -> CertificateView:
        return queries.get_certificate(work, request)

    @query(public=True)
    def check_certificate(self, work: Work, request: CheckCertificate) -> CertificateCheck:
        return queries.check_certificate(work, request)

    @command
    def revoke_certificate(self, work: Work, request: RevokeCertificate) -> CertificateView:
        return issuing.revoke_certificate(work, request)

    @command
    def request_archive(self, work: Work, request: RequestArchive) -> ArchiveView:
        return archiving.request_archive(work, request)

    @query
    def get_archive(self, work: Work, request: GetArchive) -> ArchiveView:
        return queries.get_archive(work, request)
