"""What certificates hears, and what time does to it."""

from datetime import timedelta

from libs.contracts.certificates import TrainingPassed
from libs.contracts.identity import AccountChanged, AccountIssued
from libs.contracts.licensing import AssignmentWithdrawn, SeatAssigned
from libs.messaging.worker import Job, Subscriptions
from services.certificates import projections
from services.certificates.handlers import archiving, enrolling, issuing, printing

SUBSCRIPTIONS: Subscriptions = {
    AccountIssued: [projections.remember_person],
    AccountChanged: [projections.remember_person],
    SeatAssigned: [enrolling.enrol],
    AssignmentWithdrawn: [enrolling.end_enrolment],
    TrainingPassed: [issuing.issue_certificate],
}

JOBS = [
    Job(projections.PRINT_JOB, every=timedelta(seconds=10), run=printing.print_due),
    Job(projections.NAME_JOB, every=timedelta(seconds=30), run=issuing.name_waiting),
    Job(archiving.ARCHIVE_JOB, every=timedelta(seconds=20), run=archiving.pack_due, transactional=False),
]
