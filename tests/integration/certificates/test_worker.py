"""The whole way through the real worker and broker: passed, heard of, numbered, printed, told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.contracts.certificates import CertificateIssued, TrainingPassed
from libs.messaging.worker import Worker
from services.certificates import worker as declared
from services.certificates.handlers import archiving
from tests.integration.certificates.test_results import ask_archive, see_archive
from tests.support.builders.certificates import Academy, manager_of
from tests.support.builders.events import recorded
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


@pytest.fixture
def running_worker(academy: Academy, broker: TestBroker) -> Iterator[Worker]:
    worker = Worker(
        "certificates",
        engine=academy.database.engine,
        amqp_url=broker.url,
        subscriptions=declared.SUBSCRIPTIONS,
        jobs=declared.JOBS,
    )
    worker.start()
    yield worker
    assert worker.stop(20)


@pytest.mark.usefixtures("running_worker")
def test_a_passed_training_becomes_a_certificate_and_an_archive_without_anybody_doing_anything(
    academy: Academy,
) -> None:
    maria = academy.learner()
    enrolment_id = academy.pass_training(maria)
    assert len(recorded(academy.database, TrainingPassed)) == 1
    number = eventually(lambda: academy.training(maria, enrolment_id).certificate_number, 40)
    assert len(recorded(academy.database, CertificateIssued)) == 1
    assert academy.store.read(f"certificates/{number}.pdf").startswith(b"%PDF-1.7")
    manager = manager_of(maria.organisation_id)
    asked = ask_archive(academy, manager, maria.organisation_id)
    assert eventually(lambda: see_archive(academy, manager, asked.id).state == "ready", 40)
    assert archiving.pack_due(academy.database.open_work) is False
