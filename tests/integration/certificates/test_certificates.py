"""A passed training becomes one numbered, printed, checkable certificate."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import cv2
import pypdfium2
import pytest
from sqlalchemy import select

from libs.chassis.clock import ManualClock
from libs.contracts.certificates import (
    CertificateCheck,
    CertificateIssued,
    CertificateRevoked,
    CheckCertificate,
    RevokeCertificate,
)
from libs.contracts.errors import Conflict, Forbidden, NotFound, Unauthenticated
from services.certificates import queries, settings
from services.certificates.handlers import issuing, printing
from services.certificates.model import Certificate
from services.certificates.worker import SUBSCRIPTIONS
from tests.support.builders.certificates import PUBLIC_URL, Academy, Learner, chosen, manager_of, staff
from tests.support.builders.events import deliver, recorded


def check(academy: Academy, code: str) -> CertificateCheck:
    with academy.database.open_work() as work:
        return queries.check_certificate(work, CheckCertificate(code=code))


def revoke(academy: Academy, number: str, *roles: str) -> None:
    with academy.database.open_work(principal=staff(*roles)) as work:
        issuing.revoke_certificate(work, RevokeCertificate(number=number, reason="issued_in_error"))


def text_and_codes(pdf: bytes) -> tuple[str, list[str], int]:
    """The words of all pages, what the QR codes of the first say, and the number of pages."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
        image = document[0].render(scale=3).to_numpy()
        found, codes, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(image)
        return text, [code for code in codes if code] if found else [], len(document)
    finally:
        document.close()


@pytest.mark.story("INS-36")
def test_after_passing_the_person_has_the_certificate_with_a_qr_code_that_leads_to_its_check(academy: Academy) -> None:
    maria = academy.learner("Цветелина Щърбанова")
    number = academy.certify(maria, chosen("m1", "m2", minutes=90))
    certificate = academy.certificate(number, maria.principal)
    assert certificate.document is not None
    pdf = academy.store.read(certificate.document.key)
    assert hashlib.sha256(pdf).hexdigest() == certificate.document.sha256
    assert certificate.document.key == f"certificates/{number}.pdf"
    text, codes, pages = text_and_codes(pdf)
    assert codes == [f"{PUBLIC_URL}/certificates/check/{certificate.check_code}"]
    assert pages == 1
    for words in (
        "Удостоверение", number, "Цветелина Щърбанова", "Поддържащо обучение, 15 часа", "3 часа", "Модул m1",
        "1 час и 30 минути", "дистанционно, с проверка на знанията", "Учебен център Пример ЕООД", "д-р Иван Примеров",
    ):  # fmt: skip
        assert words in text
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    issued = recorded(academy.database, CertificateIssued)
    assert [(one["number"], one["document"]["sha256"]) for one in issued] == [(number, certificate.document.sha256)]


def test_the_certificate_speaks_the_language_of_its_holder(academy: Academy) -> None:
    boris = academy.learner("Boris Stoyanov", language="en")
    pdf = academy.store.read(f"certificates/{academy.certify(boris)}.pdf")
    text, codes, _ = text_and_codes(pdf)
    assert "has successfully completed" in text
    assert "Maintenance training, 15 hours" in text
    assert "Dr Ivan Primerov" in text
    assert len(codes) == 1


def test_a_long_name_and_many_modules_still_make_a_readable_certificate(academy: Academy) -> None:
    person = academy.learner("Мария " + "Дългофамилиева-" * 6 + "Иванова")
    enrolment_id = academy.enrol(person, chosen(*(f"x{n}" for n in range(30))))
    with academy.database.open_work() as work:
        from services.certificates.model import Enrolment

        enrolment = work.session.get_one(Enrolment, enrolment_id)
        for module in enrolment.modules:
            enrolment.sit(
                module.code, 100, pass_mark=80, source="outside", answers={}, now=work.now(), today=work.now().date()
            )
    academy.hear(academy.passed(enrolment_id))
    academy.print_all()
    number = academy.training(person, enrolment_id).certificate_number
    text, codes, pages = text_and_codes(academy.store.read(f"certificates/{number}.pdf"))
    assert pages == 2
    assert len(codes) == 1
    assert "Модул x29" in text
    assert "дистанционно" not in text


def test_the_same_event_twice_makes_one_certificate(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.pass_training(maria)
    academy.hear(academy.passed(enrolment_id), academy.passed(enrolment_id))
    academy.print_all()
    academy.hear(academy.passed(enrolment_id))
    academy.print_all()
    assert len(recorded(academy.database, CertificateIssued)) == 1


@pytest.mark.story("INS-44")
def test_twenty_certificates_issued_at_once_have_unique_consecutive_numbers(academy: Academy) -> None:
    people = [academy.learner(f"Човек {n}") for n in range(20)]
    events = [academy.passed(academy.pass_training(person, chosen("m1"))) for person in people]
    together = threading.Barrier(len(events))

    def issue(event: object) -> None:
        together.wait(timeout=20)
        deliver(academy.database, SUBSCRIPTIONS, event)  # type: ignore[arg-type]

    with ThreadPoolExecutor(len(events)) as pool:
        list(pool.map(issue, events))
    with academy.database.sessions() as session:
        numbers = session.scalars(select(Certificate.number)).all()
    assert sorted(int(number.split("-")[1]) for number in numbers) == list(range(1, 21))
    assert len(set(numbers)) == 20


@pytest.mark.story("INS-44")
def test_a_rolled_back_issue_leaves_no_gap_and_a_revoked_number_is_not_given_again(academy: Academy) -> None:
    first = academy.certify(academy.learner())
    enrolment_id = academy.pass_training(academy.learner("Борис Стоянов"))

    def fail_after_numbering() -> None:
        with academy.database.open_work() as work:
            issuing.issue_certificate(work, academy.passed(enrolment_id))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail_after_numbering()
    revoke(academy, first, "clerk")
    third = academy.certify(academy.learner("Яна Петрова"))
    assert [int(number.split("-")[1]) for number in (first, third)] == [1, 2]


def test_each_year_counts_from_one(academy: Academy, clock: ManualClock) -> None:
    first = academy.certify(academy.learner())
    clock.advance(timedelta(days=366))
    later = academy.certify(academy.learner("Борис Стоянов"))
    assert first.split("-")[1] == later.split("-")[1] == "000001"
    assert first != later


def test_a_certificate_waits_for_a_name_that_is_not_known_yet(academy: Academy) -> None:
    maria = academy.learner("Мария Иванова", known=False)
    enrolment_id = academy.pass_training(maria)
    academy.hear(academy.passed(enrolment_id))
    academy.print_all()
    training = academy.training(maria, enrolment_id)
    assert (training.state, training.certificate_number) == ("passed", None)
    academy.hear_name(maria, "Мария Иванова")
    academy.print_all()
    number = academy.training(maria, enrolment_id).certificate_number
    assert number is not None
    assert academy.certificate(number, maria.principal).holder == "Мария Иванова"


def test_an_older_name_that_arrives_late_does_not_win(academy: Academy) -> None:
    maria = academy.learner(known=False)
    academy.hear_name(maria, "Мария Петрова", sequence=4, changed=True)
    academy.hear_name(maria, "Мария Иванова", sequence=1)
    assert academy.certificate(academy.certify(maria), maria.principal).holder == "Мария Петрова"


def test_a_corrected_name_does_not_change_what_was_issued(academy: Academy) -> None:
    maria = academy.learner("Мария Иванова")
    number = academy.certify(maria)
    before = academy.store.read(f"certificates/{number}.pdf")
    academy.hear_name(maria, "Мария Петрова", sequence=2, changed=True)
    academy.print_all()
    assert academy.store.read(f"certificates/{number}.pdf") == before
    assert academy.certificate(number, maria.principal).holder == "Мария Иванова"


def test_a_certificate_that_cannot_be_stored_is_tried_again_and_holds_up_nobody(
    academy: Academy, clock: ManualClock
) -> None:
    maria, boris = academy.learner("Мария Иванова"), academy.learner("Борис Стоянов")
    of_maria, of_boris = academy.pass_training(maria), academy.pass_training(boris)
    academy.hear(academy.passed(of_maria))
    with academy.database.sessions() as session:
        key = session.scalars(select(Certificate)).one().key
    academy.store.put(key, b"somebody else's file")
    academy.hear(academy.passed(of_boris))
    academy.print_all()
    assert academy.training(maria, of_maria).certificate_number is None
    assert academy.training(boris, of_boris).certificate_number is not None
    academy.store.delete(key)
    academy.print_all()
    assert academy.training(maria, of_maria).certificate_number is None
    clock.advance(timedelta(minutes=5))
    academy.print_all()
    assert academy.training(maria, of_maria).certificate_number is not None


def test_printing_interrupted_after_storing_gives_the_same_file(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.pass_training(maria)
    academy.hear(academy.passed(enrolment_id))

    def crash_before_commit() -> None:
        with academy.database.open_work() as work:
            printing.print_due(work)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        crash_before_commit()
    assert recorded(academy.database, CertificateIssued) == []
    academy.print_all()
    (issued,) = recorded(academy.database, CertificateIssued)
    stored = academy.store.read(issued["document"]["key"])
    assert hashlib.sha256(stored).hexdigest() == issued["document"]["sha256"]


@pytest.mark.story("INS-37", "INS-38", "INS-39")
def test_a_certificate_is_seen_by_its_holder_the_own_manager_and_staff_and_by_nobody_else(academy: Academy) -> None:
    maria = academy.learner("Мария Иванова")
    number = academy.certify(maria)
    colleague = academy.learner("Борис Стоянов", organisation_id=maria.organisation_id)
    stranger = academy.learner("Яна Петрова")
    for allowed in (maria.principal, manager_of(maria.organisation_id), staff("clerk"), staff("finance")):
        assert academy.certificate(number, allowed).number == number
    for refused in (colleague.principal, stranger.principal, manager_of(stranger.organisation_id)):
        with pytest.raises(NotFound):
            academy.certificate(number, refused)
    with pytest.raises(NotFound):
        academy.certificate("C26-999999-X", staff("admin"))
    with pytest.raises(Unauthenticated), academy.database.open_work() as work:
        queries.get_certificate(work, queries.GetCertificate(number=number))


def test_a_number_is_found_however_it_is_typed(academy: Academy) -> None:
    maria = academy.learner()
    number = academy.certify(maria)
    typed = number.lower().replace("-", " ").replace("c", "с")
    assert academy.certificate(typed, maria.principal).number == number


def test_anyone_may_check_a_certificate_by_its_code_alone_or_with_its_number(academy: Academy) -> None:
    maria = academy.learner("Мария Иванова")
    number = academy.certify(maria)
    code = academy.certificate(number, maria.principal).check_code
    answer = check(academy, code)
    assert (answer.state, answer.number, answer.holder) == ("valid", number, "Мария Иванова")
    assert (answer.minutes, answer.issuer) == (120, "Учебен център Пример")
    printed = " ".join(code[start : start + 4] for start in range(0, 24, 4)).lower()
    assert check(academy, printed) == check(academy, f"{number} {code}") == answer


def test_an_unknown_code_a_bare_number_and_a_wrong_pair_all_get_the_same_answer(academy: Academy) -> None:
    maria, boris = academy.learner("Мария Иванова"), academy.learner("Борис Стоянов")
    number, other = academy.certify(maria), academy.certify(boris)
    code = academy.certificate(number, maria.principal).check_code
    unknown = CertificateCheck(state="unknown")
    wrong_letter = ("A" if code[0] != "A" else "B") + code[1:]
    for asked in (number, other + code, wrong_letter, code[:-1], code + "A", "A" * 24, "'; drop table", "код", "-"):
        assert check(academy, asked) == unknown


def test_a_certificate_not_yet_printed_is_unknown(academy: Academy) -> None:
    enrolment_id = academy.pass_training(academy.learner(known=False))
    academy.hear(academy.passed(enrolment_id))
    with academy.database.sessions() as session:
        code = session.scalars(select(Certificate.check_code)).one()
    assert check(academy, code).state == "unknown"


def test_a_revoked_certificate_says_so_for_good(academy: Academy) -> None:
    maria = academy.learner()
    number = academy.certify(maria)
    code = academy.certificate(number, maria.principal).check_code
    for role in ("finance", "official"):
        with pytest.raises(Forbidden):
            revoke(academy, number, role)
    with pytest.raises(Forbidden), academy.database.open_work(principal=maria.principal) as work:
        issuing.revoke_certificate(work, RevokeCertificate(number=number, reason="fraud"))
    revoke(academy, number, "clerk")
    answer = check(academy, code)
    assert (answer.state, answer.revoked_on) == ("revoked", settings.local_date(academy.database.clock.now()))
    seen = academy.certificate(number, maria.principal)
    assert (seen.state, seen.revocation_reason) == ("revoked", "issued_in_error")
    assert len(recorded(academy.database, CertificateRevoked)) == 1
    with pytest.raises(Conflict, match="already_revoked"):
        revoke(academy, number, "admin")
    with pytest.raises(NotFound):
        revoke(academy, "C26-999999-X", "admin")


def test_events_of_certificates_carry_no_personal_data(academy: Academy) -> None:
    maria: Learner = academy.learner("Мария Иванова")
    number = academy.certify(maria)
    revoke(academy, number, "clerk")
    told = [*recorded(academy.database, CertificateIssued), *recorded(academy.database, CertificateRevoked)]
    assert len(told) == 2
    assert "Мария" not in str(told)
    assert {UUID(one["account_id"]) for one in told} == {maria.account_id}
