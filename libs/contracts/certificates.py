"""What ``certificates`` publishes: trainings of a person, results, certificates."""

from datetime import date, datetime
from uuid import UUID

from libs.contracts.base import DocumentView, Event, LocalText, between, bounded, contract, event, one_of

# --- learning ---------------------------------------------------------------------------------------------------


@contract
class EnrolledModule:
    """A module of a person's training. ``state``: ``open``, ``read``, ``failed``, ``passed``; ``score`` in percent."""

    code: str
    name: LocalText
    minutes: int
    state: str
    score: int | None = None
    passed_at: datetime | None = None


@contract
class EnrolmentView:
    """A training that a person was given. ``state``: ``assigned``, ``begun``, ``passed``, ``withdrawn``."""

    id: UUID
    account_id: UUID
    organisation_id: UUID
    sku: str
    training: LocalText
    state: str
    assigned_at: datetime
    valid_until: date
    minutes: int
    modules: list[EnrolledModule]
    passed_at: datetime | None = None
    certificate_number: str | None = None
    certificate_state: str | None = None


@contract
class ListMyTrainings:
    """Asks for the caller's own trainings, unfinished ones first."""


@contract
class Trainings:
    """Trainings of one person."""

    items: list[EnrolmentView]


@contract
class GetMyTraining:
    """Asks for one own training."""

    enrolment_id: UUID


@contract
class GetModule:
    """Asks for the text and the test of a module of an own training."""

    enrolment_id: UUID
    code: str = bounded(60, least=1)
    language: str = one_of("bg", "en", default="bg")


@contract
class QuestionView:
    """A question of a test with the texts to choose from; which one is right stays in the service."""

    id: str
    text: str
    choices: list[str]


@contract
class ModuleContent:
    """What is read, as safe HTML made from Markdown, and the questions that follow."""

    enrolment_id: UUID
    code: str
    name: LocalText
    training: LocalText
    minutes: int
    html: str
    questions: list[QuestionView]
    pass_mark: int
    state: str
    score: int | None = None
    next_code: str | None = None


@contract
class Answer:
    """The number of the chosen text, from 0."""

    question_id: str = bounded(40, least=1)
    choice: int = between(0, 50)


@contract
class SubmitTest:
    """Answers to the test of a module; every question must be answered."""

    enrolment_id: UUID
    code: str = bounded(60, least=1)
    answers: list[Answer] = bounded(100, default=[])


@contract
class TestResult:
    """How a test went; ``wrong`` names the questions to read up on."""

    __test__ = False

    enrolment_id: UUID
    code: str
    score: int
    pass_mark: int
    passed: bool
    wrong: list[str]
    training_passed: bool
    next_code: str | None = None


@contract
class CompleteModule:
    """An outside learning system says that the caller completed a module with this score in percent."""

    enrolment_id: UUID
    code: str = bounded(60, least=1)
    score: int = between(0, 100, default=100)


@contract
class ListLibrary:
    """Asks for the public library: every training with modules to read about."""


@contract
class LibraryModule:
    """A module as anyone may read about it."""

    code: str
    name: LocalText
    summary: LocalText
    minutes: int


@contract
class LibraryTraining:
    """A training of the library."""

    sku: str
    name: LocalText
    modules: list[LibraryModule]


@contract
class Library:
    """All trainings."""

    items: list[LibraryTraining]


# --- results and certificates -----------------------------------------------------------------------------------


@contract
class ListResults:
    """All trainings given to people of an organisation, newest first."""

    organisation_id: UUID
    sku: str = bounded(60, default="")
    state: str = one_of("", "assigned", "begun", "passed", "withdrawn", default="")
    page_size: int = between(1, 200, default=50)
    page_token: str | None = None


@contract
class ResultView:
    """A row of the results table; a training not yet passed has no certificate number."""

    enrolment_id: UUID
    account_id: UUID
    person: str
    sku: str
    training: LocalText
    state: str
    assigned_at: datetime
    modules_passed: int
    modules_total: int
    minutes: int
    score: int | None = None
    passed_at: datetime | None = None
    certificate_number: str | None = None
    certificate_state: str | None = None


@contract
class Results:
    """A page of results."""

    items: list[ResultView]
    total: int
    next_page_token: str | None = None


@contract
class GetCertificate:
    """Asks for a certificate by its number: one's own, one of one's organisation, or any for staff."""

    number: str = bounded(40, least=1)


@contract
class CertificateView:
    """A certificate; ``state``: ``valid``, ``revoked``, ``replaced``."""

    number: str
    check_code: str
    account_id: UUID
    organisation_id: UUID
    holder: str
    training: LocalText
    minutes: int
    modules: list[LocalText]
    issued_at: datetime
    state: str
    revoked_at: datetime | None = None
    revocation_reason: str | None = None
    document: DocumentView | None = None


@contract
class CheckCertificate:
    """Anyone asks whether a certificate is valid, by the code of its QR or by its number with the code."""

    code: str = bounded(60, least=1)


@contract
class CertificateCheck:
    """The public answer: ``state`` is ``valid``, ``revoked`` or ``unknown``; no personal data beyond the name."""

    state: str
    number: str | None = None
    holder: str | None = None
    training: LocalText | None = None
    minutes: int | None = None
    issued_on: date | None = None
    revoked_on: date | None = None
    issuer: str | None = None


@contract
class RevokeCertificate:
    """Withdraws a certificate for good; staff only."""

    number: str = bounded(40, least=1)
    reason: str = one_of("issued_in_error", "fraud", "holder_request", "training_annulled")


@contract
class RequestArchive:
    """Asks for one ZIP with the certificates of an organisation; it is made in the background."""

    organisation_id: UUID


@contract
class ArchiveView:
    """How far the archive is. ``state``: ``waiting``, ``packing``, ``ready``, ``failed``.

    ``missing`` counts people who have no certificate yet; the archive lists them too.
    """

    id: UUID
    organisation_id: UUID
    state: str
    requested_at: datetime
    certificates: int
    packed: int
    missing: int
    document: DocumentView | None = None


@contract
class GetArchive:
    """Asks how far an archive is."""

    archive_id: UUID


# --- events -----------------------------------------------------------------------------------------------------


@event("certificates.training_begun.v1", subject="assignment_id")
class TrainingBegun(Event):
    """The person opened the training for the first time: the seat can no longer be withdrawn."""

    assignment_id: UUID
    account_id: UUID
    organisation_id: UUID


@event("certificates.module_passed.v1", subject="assignment_id")
class ModulePassed(Event):
    """A module was passed."""

    assignment_id: UUID
    account_id: UUID
    code: str
    score: int


@event("certificates.training_passed.v1", subject="assignment_id")
class TrainingPassed(Event):
    """The last module was passed."""

    assignment_id: UUID
    account_id: UUID
    organisation_id: UUID
    sku: str
    passed_at: datetime


@event("certificates.certificate_issued.v1", subject="certificate_id")
class CertificateIssued(Event):
    """The certificate is in the document store; holder gets a mail."""

    certificate_id: UUID
    assignment_id: UUID
    account_id: UUID
    organisation_id: UUID
    number: str
    check_code: str
    training: LocalText
    document: DocumentView


@event("certificates.certificate_revoked.v1", subject="certificate_id")
class CertificateRevoked(Event):
    """The certificate is withdrawn for good."""

    certificate_id: UUID
    account_id: UUID
    organisation_id: UUID
    number: str
    reason: str


@event("certificates.archive_progressed.v1", subject="archive_id")
class ArchiveProgressed(Event):
    """An archive came to a new state; the page that shows it need not ask."""

    archive_id: UUID
    state: str
