"""A person's training: exactly the chosen modules, what was read, tried and passed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from libs.chassis.ids import new_id
from libs.contracts.certificates import ModulePassed, TrainingBegun, TrainingPassed
from libs.contracts.errors import Conflict, NotFound
from libs.messaging.outbox import Aggregate
from services.certificates.model.base import Base

ASSIGNED, BEGUN, PASSED, WITHDRAWN = "assigned", "begun", "passed", "withdrawn"


class Attempt(Base):
    """One try at a module, kept with its answers; ``source``: ``test``, or ``outside`` for another learning system."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("enrolled_module_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    enrolled_module_id: Mapped[UUID] = mapped_column(ForeignKey("enrolled_modules.id", ondelete="CASCADE"))
    number: Mapped[int]
    made_at: Mapped[datetime]
    source: Mapped[str]
    score: Mapped[int]
    passed: Mapped[bool]
    answers: Mapped[dict[str, Any]]


class EnrolledModule(Base):
    """A module as it was chosen; its text is the version that was current when it was first opened."""

    __tablename__ = "enrolled_modules"
    __table_args__ = (UniqueConstraint("enrolment_id", "code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id", ondelete="CASCADE"))
    position: Mapped[int]
    code: Mapped[str]
    name: Mapped[dict[str, str]]
    minutes: Mapped[int]
    text_id: Mapped[UUID | None] = mapped_column(ForeignKey("module_texts.id"))
    read_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    score: Mapped[int | None]
    passed_at: Mapped[datetime | None]
    passed_by: Mapped[str | None]
    attempts: Mapped[list[Attempt]] = relationship(order_by=Attempt.number, cascade="all, delete-orphan")

    @property
    def state(self) -> str:
        """``open``, ``read``, ``failed`` or ``passed``."""
        if self.passed_at:
            return "passed"
        if self.tries:
            return "failed"
        return "read" if self.read_at else "open"

    def try_once(self, score: int, *, passed: bool, source: str, answers: dict[str, Any], now: datetime) -> Attempt:
        """Keep an attempt; the best score counts, and what is passed stays passed."""
        self.tries += 1
        self.score = max(score, self.score or 0)
        if passed and not self.passed_at:
            self.passed_at, self.passed_by = now, source
        attempt = Attempt(number=self.tries, made_at=now, source=source, score=score, passed=passed, answers=answers)
        self.attempts.append(attempt)
        return attempt


class Enrolment(Aggregate, Base):
    """A training that a person was given; its id is the seat assignment's."""

    __tablename__ = "enrolments"
    __table_args__ = (
        CheckConstraint("state IN ('assigned', 'begun', 'passed', 'withdrawn')", name="state"),
        Index(None, "account_id"),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    sku: Mapped[str]
    training_sku: Mapped[str]
    training: Mapped[dict[str, str]]
    state: Mapped[str] = mapped_column(default=ASSIGNED)
    assigned_at: Mapped[datetime]
    valid_until: Mapped[date]
    begun_at: Mapped[datetime | None]
    passed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    modules: Mapped[list[EnrolledModule]] = relationship(
        order_by=EnrolledModule.position, cascade="all, delete-orphan", lazy="selectin"
    )

    @property
    def minutes(self) -> int:
        """The length of all chosen modules."""
        return sum(module.minutes for module in self.modules)

    @property
    def tested(self) -> bool:
        """Whether every module was passed by a test taken here."""
        return all(module.passed_by == "test" for module in self.modules)

    @property
    def score(self) -> int | None:
        """The mean of the modules' best scores, rounded down; ``None`` before the first try."""
        scores = [module.score for module in self.modules if module.score is not None]
        return sum(scores) // len(scores) if scores else None

    def module(self, code: str) -> EnrolledModule:
        """The chosen module of this code; raises :class:`NotFound` for any other."""
        for module in self.modules:
            if module.code == code:
                return module
        raise NotFound

    def after(self, code: str) -> str | None:
        """The next module still to be passed: behind this one, else from the beginning."""
        position = self.module(code).position
        waiting = [module for module in self.modules if not module.passed_at and module.code != code]
        later = [module for module in waiting if module.position > position]
        return next((module.code for module in later or waiting), None)

    def read(self, code: str, text_id: UUID, *, now: datetime, today: date) -> EnrolledModule:
        """Open a module; the first one begins the training, so that its seat can no longer be withdrawn."""
        module = self.module(code)
        self._check_usable(today)
        self._begin(now)
        if module.text_id is None:
            module.text_id = text_id
        if module.read_at is None:
            module.read_at = now
        return module

    def sit(
        self, code: str, score: int, *, pass_mark: int, source: str, answers: dict[str, Any], now: datetime, today: date
    ) -> Attempt:
        """Keep a try at a module; the last module passed passes the training."""
        module = self.module(code)
        self._check_usable(today)
        self._begin(now)
        was_passed = module.passed_at is not None
        attempt = module.try_once(score, passed=score >= pass_mark, source=source, answers=answers, now=now)
        if module.passed_at and not was_passed:
            self.record(ModulePassed(assignment_id=self.id, account_id=self.account_id, code=code, score=score))
            self._finish(now)
        return attempt

    def withdraw(self, now: datetime) -> None:
        """The seat was taken back. What was passed stays passed: its certificate is out in the world."""
        if self.state in (ASSIGNED, BEGUN):
            self.state, self.withdrawn_at = WITHDRAWN, now

    def _check_usable(self, today: date) -> None:
        if self.state == WITHDRAWN:
            raise NotFound
        if self.state != PASSED and today > self.valid_until:
            raise Conflict(
                "training_expired",
                "The time for this training is over.",
                params={"valid_until": self.valid_until.isoformat()},
            )

    def _begin(self, now: datetime) -> None:
        if self.state == ASSIGNED:
            self.state, self.begun_at = BEGUN, now
            self.record(
                TrainingBegun(assignment_id=self.id, account_id=self.account_id, organisation_id=self.organisation_id)
            )

    def _finish(self, now: datetime) -> None:
        if all(module.passed_at for module in self.modules):
            self.state, self.passed_at = PASSED, now
            self.record(
                TrainingPassed(
                    assignment_id=self.id,
                    account_id=self.account_id,
                    organisation_id=self.organisation_id,
                    sku=self.sku,
                    passed_at=now,
                )
            )


class Withdrawal(Base):
    """A withdrawal that was heard of before its assignment."""

    __tablename__ = "withdrawals"

    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    withdrawn_at: Mapped[datetime]
