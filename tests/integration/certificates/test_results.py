"""The results table of an organisation and the archive of its certificates."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from uuid import UUID

import pytest
from sqlalchemy import func, select

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.certificates import (
    ArchiveProgressed,
    ArchiveView,
    GetArchive,
    ListResults,
    RequestArchive,
    Results,
    RevokeCertificate,
)
from libs.contracts.errors import Forbidden, Invalid, NotFound
from libs.contracts.licensing import AssignmentWithdrawn
from services.certificates import queries
from services.certificates.handlers import archiving, issuing
from services.certificates.model import Archive, Certificate, EnrolledModule, Enrolment
from services.certificates.model.numbers import make_number
from services.certificates.projections import Person
from tests.support.builders.certificates import TRAINING, Academy, chosen, manager_of, staff
from tests.support.builders.events import recorded


def results(academy: Academy, organisation_id: UUID, principal: Principal | None = None, **asked: object) -> Results:
    with academy.database.open_work(principal=principal or manager_of(organisation_id)) as work:
        return queries.list_results(work, ListResults(organisation_id=organisation_id, **asked))  # type: ignore[arg-type]


def ask_archive(academy: Academy, principal: Principal, organisation_id: UUID) -> ArchiveView:
    with academy.database.open_work(principal=principal) as work:
        return archiving.request_archive(work, RequestArchive(organisation_id=organisation_id))


def see_archive(academy: Academy, principal: Principal, archive_id: UUID) -> ArchiveView:
    with academy.database.open_work(principal=principal) as work:
        return queries.get_archive(work, GetArchive(archive_id=archive_id))


def pack_all(academy: Academy) -> None:
    while archiving.pack_due(academy.database.open_work):
        pass


def unzip(academy: Academy, archive: ArchiveView) -> dict[str, bytes]:
    assert archive.document is not None
    with zipfile.ZipFile(io.BytesIO(academy.store.read(archive.document.key))) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


@pytest.mark.story("INS-40", "INS-41", "INS-42", "INS-43")
def test_the_results_table_shows_every_training_and_the_number_of_what_is_passed(academy: Academy) -> None:
    organisation_id = new_id()
    maria = academy.learner("Мария Иванова", organisation_id=organisation_id)
    boris = academy.learner("Борис Стоянов", organisation_id=organisation_id)
    number = academy.certify(maria)
    begun = academy.enrol(boris, chosen("m1", "m2", "m3"))
    academy.pass_module(boris, begun, "m1")
    academy.enrol(academy.learner("Чужд Човек"))
    table = results(academy, organisation_id)
    assert [
        (row.person, row.state, row.modules_passed, row.modules_total, row.score, row.certificate_number)
        for row in table.items
    ] == [("Борис Стоянов", "begun", 1, 3, 100, None), ("Мария Иванова", "passed", 2, 2, 100, number)]
    assert table.total == 2
    seen = academy.certificate(number, manager_of(organisation_id))
    assert seen.document is not None


def test_the_table_is_for_the_own_manager_and_staff(academy: Academy) -> None:
    maria = academy.learner()
    academy.enrol(maria)
    assert results(academy, maria.organisation_id, staff("clerk")).total == 1
    with pytest.raises(NotFound):
        results(academy, maria.organisation_id, manager_of(new_id()))
    for refused in (maria.principal, staff("finance")):
        with pytest.raises(Forbidden):
            results(academy, maria.organisation_id, refused)


def test_the_table_comes_in_pages_newest_first_and_narrowed_by_state(academy: Academy) -> None:
    maria = academy.learner()
    ids = [academy.enrol(maria) for _ in range(5)]
    academy.read(maria, ids[0], "m1")
    seen, token = [], None
    while True:
        page = results(academy, maria.organisation_id, page_size=2, page_token=token)
        assert page.total == 5
        seen += [row.enrolment_id for row in page.items]
        token = page.next_page_token
        if token is None:
            break
    assert seen == ids[::-1]
    assert [row.enrolment_id for row in results(academy, maria.organisation_id, state="begun").items] == [ids[0]]
    assert results(academy, maria.organisation_id, sku="nothing").items == []
    with pytest.raises(Invalid):
        results(academy, maria.organisation_id, page_token="elsewhere")


def test_the_archive_holds_every_valid_certificate_and_names_those_without(academy: Academy) -> None:
    organisation_id = new_id()
    manager = manager_of(organisation_id)
    certified = academy.learner("Мария/Иванова: =1+1", organisation_id=organisation_id)
    revoked = academy.learner("Борис Стоянов", organisation_id=organisation_id)
    unfinished = academy.learner("=HYPERLINK(1) Петрова", organisation_id=organisation_id)
    withdrawn = academy.learner("Оттеглена Петрова", organisation_id=organisation_id)
    number, bad_number = academy.certify(certified), academy.certify(revoked)
    academy.enrol(unfinished)
    academy.certify(academy.learner("Чужд Човек"))
    seat = academy.seat(withdrawn)
    academy.hear(
        seat,
        AssignmentWithdrawn(
            assignment_id=seat.assignment_id,
            organisation_id=organisation_id,
            account_id=withdrawn.account_id,
            sku=seat.sku,
            kind="training",
        ),
    )
    with academy.database.open_work(principal=staff("clerk")) as work:
        issuing.revoke_certificate(work, RevokeCertificate(number=bad_number, reason="fraud"))
    asked = ask_archive(academy, manager, organisation_id)
    assert (asked.state, asked.document) == ("waiting", None)
    pack_all(academy)
    ready = see_archive(academy, manager, asked.id)
    assert (ready.state, ready.certificates, ready.packed, ready.missing) == ("ready", 1, 1, 2)
    files = unzip(academy, ready)
    name = f"Мария Иванова =1+1 - Поддържащо обучение, 15 часа - {number}.pdf"
    assert set(files) == {name, "Резултати.csv", "Без удостоверение.csv"}
    assert files[name] == academy.store.read(f"certificates/{number}.pdf")
    head, *without = rows_of(files["Без удостоверение.csv"])
    assert head[0] == "Име"
    assert [(row[0], row[2], row[3], row[5]) for row in without] == [
        ("'=HYPERLINK(1) Петрова", "незапочнато", "0 / 2", ""),
        ("Борис Стоянов", "обезсилено", "2 / 2", bad_number),
    ]
    assert [row[0] for row in rows_of(files["Резултати.csv"])[1:]] == [
        row.person if not row.person.startswith("=") else f"'{row.person}"
        for row in results(academy, organisation_id, manager).items
        if row.state != "withdrawn"
    ]
    assert [one["state"] for one in recorded(academy.database, ArchiveProgressed)] == ["packing", "ready"]


def test_the_archive_of_an_organisation_without_certificates_is_its_lists(academy: Academy) -> None:
    manager = manager_of(new_id())
    assert manager.organisation_id is not None
    asked = ask_archive(academy, manager, manager.organisation_id)
    pack_all(academy)
    ready = see_archive(academy, manager, asked.id)
    assert (ready.state, ready.certificates, ready.missing) == ("ready", 0, 0)
    assert len(unzip(academy, ready)) == 2


def test_the_archive_is_for_the_own_manager_and_staff(academy: Academy) -> None:
    maria = academy.learner()
    asked = ask_archive(academy, staff("clerk"), maria.organisation_id)
    for refused, error in ((manager_of(new_id()), NotFound), (maria.principal, Forbidden)):
        with pytest.raises(error):
            ask_archive(academy, refused, maria.organisation_id)
        with pytest.raises(error):
            see_archive(academy, refused, asked.id)
    with pytest.raises(NotFound):
        see_archive(academy, staff("admin"), new_id())


def test_impatient_clicks_at_once_make_one_archive(academy: Academy) -> None:
    manager = manager_of(new_id())
    together = threading.Barrier(6)

    def click(_: int) -> UUID:
        together.wait(timeout=20)
        return ask_archive(academy, manager, manager.organisation_id or new_id()).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(click, range(6)))) == 1
    pack_all(academy)
    assert ask_archive(academy, manager, manager.organisation_id or new_id()).state == "waiting"


def test_another_worker_takes_over_an_archive_whose_worker_died(academy: Academy, clock: ManualClock) -> None:
    maria = academy.learner()
    academy.certify(maria)
    manager = manager_of(maria.organisation_id)
    asked = ask_archive(academy, manager, maria.organisation_id)
    with academy.database.open_work() as work:
        assert archiving._claim(work) is not None
    assert archiving.pack_due(academy.database.open_work) is False
    clock.advance(timedelta(minutes=3))
    pack_all(academy)
    assert see_archive(academy, manager, asked.id).state == "ready"


def test_an_archive_that_cannot_be_packed_fails_after_three_tries(academy: Academy, clock: ManualClock) -> None:
    maria = academy.learner()
    number = academy.certify(maria)
    academy.store.delete(f"certificates/{number}.pdf")
    manager = manager_of(maria.organisation_id)
    asked = ask_archive(academy, manager, maria.organisation_id)
    for _ in range(3):
        pack_all(academy)
        clock.advance(timedelta(seconds=10))
    failed = see_archive(academy, manager, asked.id)
    assert (failed.state, failed.document) == ("failed", None)
    with academy.database.sessions() as session:
        assert session.scalars(select(Archive.tries)).one() == 3


def test_five_hundred_certificates_are_packed_within_a_minute(academy: Academy) -> None:
    organisation_id = new_id()
    fill_with_certificates(academy, organisation_id, 500)
    manager = manager_of(organisation_id)
    begun = monotonic()
    asked = ask_archive(academy, manager, organisation_id)
    pack_all(academy)
    took = monotonic() - begun
    ready = see_archive(academy, manager, asked.id)
    assert (ready.state, ready.packed) == ("ready", 500)
    assert len(unzip(academy, ready)) == 502
    assert took < 60


def fill_with_certificates(academy: Academy, organisation_id: UUID, count: int) -> None:
    """So many passed trainings with certificates, whose files are as large as real ones but were not set in type."""
    now = academy.database.clock.now()
    with academy.database.open_work() as work:
        for serial in range(1, count + 1):
            enrolment = Enrolment(
                id=new_id(), account_id=new_id(), organisation_id=organisation_id, sku="t", training_sku="t",
                training=TRAINING, state="passed", assigned_at=now, valid_until=now.date(), passed_at=now, begun_at=now,
            )  # fmt: skip
            enrolment.modules = [
                EnrolledModule(position=n, code=f"m{n}", name={"bg": f"Модул {n}"}, minutes=90, tries=1)
                for n in range(8)
            ]
            certificate = Certificate.issue(enrolment, make_number("C", now.year, serial), now=now)
            certificate.name_holder(f"Мария Иванова {serial}", "bg")
            work.session.add_all([enrolment, Person(
                account_id=enrolment.account_id, given_name="Мария", family_name=f"Иванова {serial}",
                language="bg", sequence=1,
            )])  # fmt: skip
            work.session.flush()
            work.session.add(certificate)
            certificate.publish(academy.store.put(certificate.key, certificate.number.encode() * 4_500))
    with academy.database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == count
