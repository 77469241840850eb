"""A seat becomes a training in the person's profile; modules are read and passed in any order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.certificates import (
    Answer,
    CompleteModule,
    GetMyTraining,
    ListLibrary,
    ListMyTrainings,
    ModulePassed,
    TrainingBegun,
    TrainingPassed,
)
from libs.contracts.errors import Conflict, Invalid, NotFound, Unauthenticated
from libs.contracts.licensing import AssignmentWithdrawn, SeatAssigned
from services.certificates import queries
from services.certificates.handlers import learning
from services.certificates.model import Attempt
from tests.support.builders.certificates import (
    SKU,
    Academy,
    Learner,
    a_module_file,
    a_training_file,
    chosen,
    staff,
)
from tests.support.builders.events import recorded


def withdrawal_of(seat: SeatAssigned) -> AssignmentWithdrawn:
    return AssignmentWithdrawn(
        assignment_id=seat.assignment_id,
        organisation_id=seat.organisation_id,
        account_id=seat.account_id,
        sku=seat.sku,
        kind=seat.kind,
    )


def trainings_of(academy: Academy, person: Learner) -> list[str]:
    with academy.database.open_work(principal=person.principal) as work:
        return [one.state for one in queries.list_my_trainings(work, ListMyTrainings()).items]


@pytest.mark.story("INS-35", "INS-29")
def test_the_assigned_training_shows_exactly_the_chosen_modules_to_its_person_alone(academy: Academy) -> None:
    maria, boris = academy.learner("Мария Иванова"), academy.learner("Борис Стоянов")
    enrolment_id = academy.enrol(maria, chosen("m3", "m1", minutes=45))
    training = academy.training(maria, enrolment_id)
    assert [(one.code, one.minutes, one.state) for one in training.modules] == [("m3", 45, "open"), ("m1", 45, "open")]
    assert (training.state, training.minutes, training.certificate_number) == ("assigned", 90, None)
    assert trainings_of(academy, boris) == []
    with pytest.raises(NotFound), academy.database.open_work(principal=boris.principal) as work:
        queries.get_my_training(work, GetMyTraining(enrolment_id=enrolment_id))


def test_the_same_seat_told_twice_is_one_training(academy: Academy) -> None:
    maria = academy.learner()
    seat = academy.seat(maria)
    academy.hear(seat, seat)
    assert trainings_of(academy, maria) == ["assigned"]


def test_a_counted_licence_is_no_training(academy: Academy) -> None:
    maria = academy.learner()
    academy.hear(academy.seat(maria, kind="seats"))
    assert trainings_of(academy, maria) == []


@pytest.mark.parametrize("order", ["assigned first", "withdrawn first", "withdrawn twice"])
def test_a_withdrawn_seat_leaves_no_training_in_whatever_order_it_is_told(academy: Academy, order: str) -> None:
    maria = academy.learner()
    seat = academy.seat(maria)
    events = {
        "assigned first": (seat, withdrawal_of(seat)),
        "withdrawn first": (withdrawal_of(seat), seat),
        "withdrawn twice": (withdrawal_of(seat), withdrawal_of(seat), seat, withdrawal_of(seat)),
    }[order]
    academy.hear(*events)
    assert trainings_of(academy, maria) == []
    with pytest.raises(NotFound):
        academy.read(maria, seat.assignment_id, "m1")


def test_the_first_opening_begins_the_training_once(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    academy.read(maria, enrolment_id, "m1")
    content = academy.read(maria, enrolment_id, "m1")
    academy.read(maria, enrolment_id, "m2")
    assert [one["assignment_id"] for one in recorded(academy.database, TrainingBegun)] == [str(enrolment_id)]
    assert content.html == "<h2>Текст m1</h2>\n<p>Първият.</p>\n"
    assert [len(question.choices) for question in content.questions] == [4, 4, 4]
    assert (content.state, content.pass_mark, content.next_code) == ("read", 80, "m2")


def test_the_text_is_read_in_either_language(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    assert "The first." in academy.read(maria, enrolment_id, "m1", "en").html
    assert academy.read(maria, enrolment_id, "m1", "en").questions[0].text == "Question 1?"


def test_a_failed_test_is_kept_and_may_be_tried_again_without_end(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    academy.read(maria, enrolment_id, "m1")
    right, wrong = academy.right_answers(enrolment_id, "m1"), academy.wrong_answers(enrolment_id, "m1")
    failed = academy.sit(maria, enrolment_id, "m1", [*right[:2], wrong[2]])
    assert (failed.score, failed.passed, failed.wrong, failed.training_passed) == (66, False, ["q3"], False)
    assert academy.training(maria, enrolment_id).modules[0].state == "failed"
    academy.sit(maria, enrolment_id, "m1", wrong)
    passed = academy.sit(maria, enrolment_id, "m1", right)
    assert (passed.score, passed.passed, passed.wrong) == (100, True, [])
    with academy.database.sessions() as session:
        attempts = session.scalars(select(Attempt).order_by(Attempt.number)).all()
    assert [(one.number, one.score, one.passed, one.source) for one in attempts] == [
        (1, 66, False, "test"),
        (2, 0, False, "test"),
        (3, 100, True, "test"),
    ]
    assert attempts[0].answers == {one.question_id: one.choice for one in [*right[:2], wrong[2]]}


def test_what_is_passed_stays_passed_after_a_worse_try(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    academy.pass_module(maria, enrolment_id, "m1")
    academy.sit(maria, enrolment_id, "m1", academy.wrong_answers(enrolment_id, "m1"))
    module = academy.training(maria, enrolment_id).modules[0]
    assert (module.state, module.score) == ("passed", 100)
    assert len(recorded(academy.database, ModulePassed)) == 1


def test_the_last_module_passes_the_training_in_whichever_order_they_are_taken(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria, chosen("m1", "m2", "m3"))
    steps = [academy.pass_module(maria, enrolment_id, code) for code in ("m3", "m1", "m2")]
    assert [(one.training_passed, one.next_code) for one in steps] == [(False, "m1"), (False, "m2"), (True, None)]
    assert academy.training(maria, enrolment_id).state == "passed"
    assert [one["assignment_id"] for one in recorded(academy.database, TrainingPassed)] == [str(enrolment_id)]
    academy.pass_module(maria, enrolment_id, "m1")
    assert len(recorded(academy.database, TrainingPassed)) == 1


def test_every_question_must_be_answered_once_with_a_choice_it_has(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    academy.read(maria, enrolment_id, "m1")
    answers = [
        Answer(question_id="q1", choice=4),
        Answer(question_id="q2", choice=0),
        Answer(question_id="q2", choice=1),
        Answer(question_id="q9", choice=0),
    ]
    with pytest.raises(Invalid) as refused:
        academy.sit(maria, enrolment_id, "m1", answers)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [
        ("answers.0.choice", "not_a_choice"),
        ("answers.2.question_id", "repeated"),
        ("answers.3.question_id", "unknown_question"),
        ("answers.q3", "required"),
    ]
    assert academy.training(maria, enrolment_id).modules[0].state == "read"


def test_a_module_is_read_before_its_test(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    with pytest.raises(Conflict, match="module_not_read"):
        academy.sit(maria, enrolment_id, "m1", [Answer(question_id="q1", choice=0)])


def test_somebody_elses_training_can_be_neither_read_nor_tried(academy: Academy) -> None:
    maria, boris = academy.learner("Мария Иванова"), academy.learner("Борис Стоянов")
    enrolment_id = academy.enrol(maria)
    academy.read(maria, enrolment_id, "m1")
    answers = academy.right_answers(enrolment_id, "m1")
    with pytest.raises(NotFound):
        academy.read(boris, enrolment_id, "m1")
    with pytest.raises(NotFound):
        academy.sit(boris, enrolment_id, "m1", answers)
    with pytest.raises(NotFound):
        academy.read(maria, enrolment_id, "m3")
    with pytest.raises(Unauthenticated), academy.database.open_work() as work:
        queries.list_my_trainings(work, ListMyTrainings())
    assert academy.training(maria, enrolment_id).modules[0].state == "read"


def test_after_its_last_day_a_training_can_no_longer_be_taken(academy: Academy, clock: ManualClock) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    clock.advance(timedelta(days=800))
    with pytest.raises(Conflict, match="training_expired"):
        academy.read(maria, enrolment_id, "m1")


def test_a_changed_text_is_for_those_who_have_not_opened_the_module(academy: Academy) -> None:
    maria, boris = academy.learner("Мария Иванова"), academy.learner("Борис Стоянов")
    of_maria, of_boris = academy.enrol(maria), academy.enrol(boris)
    academy.read(maria, of_maria, "m1")
    rewritten = a_module_file("m1", markdown={"bg": "Нов текст", "en": "New text"})
    assert academy.load(a_training_file(rewritten, a_module_file("m2"), a_module_file("m3"))) == 1
    assert "Първият" in academy.read(maria, of_maria, "m1").html
    assert "Нов текст" in academy.read(boris, of_boris, "m1").html


def test_loading_the_same_content_again_changes_nothing(academy: Academy) -> None:
    assert academy.load() == 0
    assert academy.load(a_training_file(a_module_file("m2"))) == 0
    with academy.database.open_work() as work:
        library = queries.list_library(work, ListLibrary())
    assert [(one.sku, [module.code for module in one.modules]) for one in library.items] == [(SKU, ["m2"])]


@pytest.mark.story("INS-28")
def test_anyone_may_read_about_the_modules_in_the_library(academy: Academy) -> None:
    with academy.database.open_work() as work:
        (training,) = queries.list_library(work, ListLibrary()).items
    assert training.name["en"] == "Maintenance training, 15 hours"
    assert [(one.code, one.minutes, one.summary["bg"]) for one in training.modules] == [
        ("m1", 60, "Накратко."),
        ("m2", 60, "Накратко."),
        ("m3", 60, "Накратко."),
    ]


def test_nobody_certifies_himself_where_a_test_waits(academy: Academy) -> None:
    maria = academy.learner()
    enrolment_id = academy.enrol(maria)
    report = CompleteModule(enrolment_id=enrolment_id, code="m1", score=100)
    with pytest.raises(Conflict, match="test_required"), academy.database.open_work(principal=maria.principal) as work:
        learning.complete_module(work, report)
    with academy.database.open_work(principal=staff("clerk")) as work:
        assert learning.complete_module(work, report).passed
    assert academy.training(maria, enrolment_id).modules[0].state == "passed"


def test_an_outside_learning_system_reports_a_training_that_is_taught_outside(academy: Academy) -> None:
    academy.load(a_training_file(), a_training_file(sku="induction", outside=True))
    maria = academy.learner()
    enrolment_id = academy.enrol(maria, chosen("m1", "m2"), sku="induction")
    outcomes = []
    for code, score in (("m1", 79), ("m1", 80), ("m2", 95)):
        with academy.database.open_work(principal=maria.principal) as work:
            outcomes.append(
                learning.complete_module(work, CompleteModule(enrolment_id=enrolment_id, code=code, score=score))
            )
    assert [(one.passed, one.training_passed) for one in outcomes] == [(False, False), (True, False), (True, True)]
    with pytest.raises(NotFound), academy.database.open_work(principal=academy.learner().principal) as work:
        learning.complete_module(work, CompleteModule(enrolment_id=enrolment_id, code="m1"))
    with pytest.raises(NotFound), academy.database.open_work(principal=maria.principal) as work:
        learning.complete_module(work, CompleteModule(enrolment_id=new_id(), code="m1"))
