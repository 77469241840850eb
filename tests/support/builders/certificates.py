"""A small academy for tests of certificates: people, trainings given to them, learning, printing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from libs.chassis.documents import DocumentStore
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.base import LocalText
from libs.contracts.certificates import (
    Answer,
    CertificateView,
    EnrolmentView,
    GetCertificate,
    GetModule,
    GetMyTraining,
    ModuleContent,
    SubmitTest,
    TestResult,
    TrainingPassed,
)
from libs.contracts.identity import AccountChanged, AccountIssued
from libs.contracts.licensing import AssignmentWithdrawn, ChosenModule, SeatAssigned
from services.certificates import queries, settings
from services.certificates.adapters.content_files import ModuleFile, TrainingFile
from services.certificates.handlers import issuing, learning, printing
from services.certificates.handlers.library import load_trainings
from services.certificates.model import Enrolment, ModuleText, Question
from services.certificates.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.databases import ServiceDatabase

SKU = "maintenance-15h"
TRAINING: LocalText = {"bg": "Поддържащо обучение, 15 часа", "en": "Maintenance training, 15 hours"}
PUBLIC_URL = "https://portal.example"


def configure_certificates(monkeypatch: pytest.MonkeyPatch, documents: Path) -> None:
    """Set the service's environment and forget what was read of another."""
    monkeypatch.setenv("OPERATOR", "demo")
    monkeypatch.setenv("PUBLIC_URL", PUBLIC_URL)
    monkeypatch.setenv("DOCUMENTS_URL", documents.as_uri())
    forget_settings()


def forget_settings() -> None:
    """Read the environment anew at the next question."""
    for remembered in (settings.settings, settings.operator, settings.store, settings.training_of):
        remembered.cache_clear()


def a_module_file(code: str, minutes: int = 60, **changes: object) -> ModuleFile:
    """A module with a text and a test of three questions whose first choice is right."""
    usual: dict[str, object] = {
        "code": code,
        "minutes": minutes,
        "name": {"bg": f"Модул {code}", "en": f"Module {code}"},
        "summary": {"bg": "Накратко.", "en": "In short."},
        "markdown": {"bg": f"## Текст {code}\n\nПървият.", "en": f"## Text {code}\n\nThe first."},
        "questions": [a_question(number) for number in (1, 2, 3)],
    }
    return ModuleFile(**{**usual, **changes})  # type: ignore[arg-type]


def a_question(number: int) -> dict[str, object]:
    """A stored question with four choices."""
    return {
        "id": f"q{number}",
        "text": {"bg": f"Въпрос {number}?", "en": f"Question {number}?"},
        "choices": [{"bg": f"Избор {n}", "en": f"Choice {n}"} for n in ("right", "b", "c", "d")],
    }


def a_training_file(*modules: ModuleFile, sku: str = SKU, outside: bool = False) -> TrainingFile:
    """A training of the library; modules ``m1`` to ``m3`` where none are named."""
    return TrainingFile(
        sku=sku, name=TRAINING, outside=outside, modules=list(modules) or [a_module_file(f"m{n}") for n in (1, 2, 3)]
    )


def chosen(*codes: str, minutes: int = 60) -> list[ChosenModule]:
    """Modules as licensing froze them at the choice."""
    return [
        ChosenModule(code=code, name={"bg": f"Модул {code}", "en": f"Module {code}"}, minutes=minutes) for code in codes
    ]


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A person who learns."""

    account_id: UUID
    organisation_id: UUID
    name: str

    @property
    def principal(self) -> Principal:
        """The person, signed in."""
        return Principal(
            account_id=self.account_id,
            session_id=new_id(),
            organisation_id=self.organisation_id,
            roles=frozenset({"member"}),
        )


def manager_of(organisation_id: UUID) -> Principal:
    """The manager of an organisation."""
    return Principal(
        account_id=new_id(), session_id=new_id(), organisation_id=organisation_id, roles=frozenset({"manager"})
    )


def staff(*roles: str) -> Principal:
    """Somebody who works for the operator."""
    return Principal(account_id=new_id(), session_id=new_id(), roles=frozenset(roles))


@dataclass(frozen=True, kw_only=True)
class Academy:
    """The service in a test's database; every method is a deed of its own."""

    database: ServiceDatabase

    @property
    def store(self) -> DocumentStore:
        """Where the service keeps its documents."""
        return settings.store()

    def load(self, *trainings: TrainingFile) -> int:
        """Take trainings into the library."""
        with self.database.open_work() as work:
            return load_trainings(work, trainings or (a_training_file(),))

    def learner(
        self,
        name: str = "Мария Иванова",
        *,
        organisation_id: UUID | None = None,
        language: str = "bg",
        known: bool = True,
    ) -> Learner:
        """A person; ``known=False``: the service has not heard of the name yet."""
        person = Learner(account_id=new_id(), organisation_id=organisation_id or new_id(), name=name)
        if known:
            self.hear_name(person, name, language=language)
        return person

    def hear_name(
        self, person: Learner, name: str, *, language: str = "bg", sequence: int = 1, changed: bool = False
    ) -> None:
        """Tell the service a person's name."""
        given_name, _, family_name = name.partition(" ")
        event = (AccountChanged if changed else AccountIssued)(
            account_id=person.account_id,
            login="someone",
            given_name=given_name,
            family_name=family_name,
            email="someone@broker.example",
            phone="+359880000000",
            language=language,
            roles=["member"],
            organisation_id=person.organisation_id,
        )
        deliver(self.database, SUBSCRIPTIONS, event, sequence=sequence)

    def seat(
        self, person: Learner, modules: Sequence[ChosenModule] = (), *, sku: str = SKU, kind: str = "training"
    ) -> SeatAssigned:
        """The event of a seat given to a person."""
        return SeatAssigned(
            assignment_id=new_id(),
            organisation_id=person.organisation_id,
            account_id=person.account_id,
            product_id=new_id(),
            sku=sku,
            product_name=TRAINING,
            kind=kind,
            valid_until=date(self.database.clock.now().year + 1, 6, 30),
            modules=list(modules) or chosen("m1", "m2"),
            assigned_by=new_id(),
        )

    def hear(self, *events: SeatAssigned | AssignmentWithdrawn | TrainingPassed) -> None:
        """Hand events to the service."""
        for event in events:
            deliver(self.database, SUBSCRIPTIONS, event)

    def enrol(self, person: Learner, modules: Sequence[ChosenModule] = (), *, sku: str = SKU) -> UUID:
        """Give a training to a person; the enrolment's id."""
        seat = self.seat(person, modules, sku=sku)
        self.hear(seat)
        return seat.assignment_id

    def training(self, person: Learner, enrolment_id: UUID) -> EnrolmentView:
        """The training as the person sees it."""
        with self.database.open_work(principal=person.principal) as work:
            return queries.get_my_training(work, GetMyTraining(enrolment_id=enrolment_id))

    def read(self, person: Learner, enrolment_id: UUID, code: str, language: str = "bg") -> ModuleContent:
        """Open a module."""
        with self.database.open_work(principal=person.principal) as work:
            return learning.open_module(work, GetModule(enrolment_id=enrolment_id, code=code, language=language))

    def right_answers(self, enrolment_id: UUID, code: str) -> list[Answer]:
        """The answers that pass a module's test."""
        with self.database.open_work() as work:
            module = work.session.get_one(Enrolment, enrolment_id).module(code)
            questions = Question.read_all(work.session.get_one(ModuleText, module.text_id).questions)
            return [Answer(question_id=one.id, choice=one.order(module.id).index(0)) for one in questions]

    def wrong_answers(self, enrolment_id: UUID, code: str) -> list[Answer]:
        """Answers of which each is wrong."""
        right = self.right_answers(enrolment_id, code)
        return [Answer(question_id=one.question_id, choice=(one.choice + 1) % 4) for one in right]

    def sit(self, person: Learner, enrolment_id: UUID, code: str, answers: Sequence[Answer]) -> TestResult:
        """Hand in a test."""
        with self.database.open_work(principal=person.principal) as work:
            return learning.submit_test(work, SubmitTest(enrolment_id=enrolment_id, code=code, answers=list(answers)))

    def pass_module(self, person: Learner, enrolment_id: UUID, code: str) -> TestResult:
        """Read a module and pass its test."""
        self.read(person, enrolment_id, code)
        return self.sit(person, enrolment_id, code, self.right_answers(enrolment_id, code))

    def pass_training(self, person: Learner, modules: Sequence[ChosenModule] = ()) -> UUID:
        """Give a training and pass all of it; the enrolment's id. Its certificate is not yet numbered."""
        enrolment_id = self.enrol(person, modules)
        for module in self.training(person, enrolment_id).modules:
            self.pass_module(person, enrolment_id, module.code)
        return enrolment_id

    def passed(self, enrolment_id: UUID) -> TrainingPassed:
        """The event that told of the passed training."""
        told = [one for one in recorded(self.database, TrainingPassed) if one["assignment_id"] == str(enrolment_id)]
        return TrainingPassed(
            assignment_id=enrolment_id,
            account_id=UUID(told[0]["account_id"]),
            organisation_id=UUID(told[0]["organisation_id"]),
            sku=told[0]["sku"],
            passed_at=self.database.clock.now(),
        )

    def print_all(self) -> None:
        """Let the worker name holders and print what is due."""
        for job in (issuing.name_waiting, printing.print_due):
            again = True
            while again:
                with self.database.open_work() as work:
                    again = job(work)

    def certify(self, person: Learner, modules: Sequence[ChosenModule] = ()) -> str:
        """Pass a training and have its certificate printed; the number."""
        enrolment_id = self.pass_training(person, modules)
        self.hear(self.passed(enrolment_id))
        self.print_all()
        number = self.training(person, enrolment_id).certificate_number
        assert number is not None
        return number

    def certificate(self, number: str, principal: Principal) -> CertificateView:
        """The certificate as somebody sees it."""
        with self.database.open_work(principal=principal) as work:
            return queries.get_certificate(work, GetCertificate(number=number))
