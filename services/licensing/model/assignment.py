"""A seat held by a person, from the day it is given until the training is passed."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.base import dump, load
from libs.contracts.errors import Conflict
from libs.contracts.licensing import AssignmentWithdrawn, ChosenModule, SeatAssigned
from libs.messaging.outbox import Aggregate
from services.licensing.model.base import Base

ASSIGNED, BEGUN, FINISHED, WITHDRAWN, LAPSED = "assigned", "begun", "finished", "withdrawn", "lapsed"
UNFINISHED = (ASSIGNED, BEGUN)


class Assignment(Aggregate, Base):
    """A seat in a person's hands; ``lapsed`` once the seat ended before the training was passed."""

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("state IN ('assigned', 'begun', 'finished', 'withdrawn', 'lapsed')", name="state"),
        # The guard: a living assignment needs a seat of its own, so there can never be more of them than seats.
        Index("uq_assignments_seat", "seat_id", unique=True, postgresql_where=text("state <> 'withdrawn'")),
        Index(
            "uq_assignments_unfinished",
            "account_id",
            "product_id",
            unique=True,
            postgresql_where=text("state IN ('assigned', 'begun')"),
        ),
        Index(
            "ix_assignments_unfinished_valid_until",
            "valid_until",
            postgresql_where=text("state IN ('assigned', 'begun')"),
        ),
        Index("ix_assignments_organisation_id_id", "organisation_id", "id"),
        Index("ix_assignments_account_id_id", "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    account_id: Mapped[UUID]
    product_id: Mapped[UUID]
    seat_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("seats.id"))
    sku: Mapped[str]
    product_name: Mapped[dict[str, str]]
    kind: Mapped[str]
    state: Mapped[str]
    valid_until: Mapped[date]
    chosen_modules: Mapped[list[Any]]
    assigned_at: Mapped[datetime]
    assigned_by: Mapped[UUID]
    begun_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    @classmethod
    def give(
        cls,
        *,
        organisation_id: UUID,
        account_id: UUID,
        product_id: UUID,
        sku: str,
        product_name: dict[str, str],
        kind: str,
        seat_id: int,
        valid_until: date,
        modules: Sequence[ChosenModule],
        assigned_by: UUID,
        at: datetime,
    ) -> "Assignment":
        """Give a seat to a person, with the modules as they are now."""
        assignment = cls(
            id=new_id(),
            organisation_id=organisation_id,
            account_id=account_id,
            product_id=product_id,
            sku=sku,
            product_name=product_name,
            kind=kind,
            seat_id=seat_id,
            valid_until=valid_until,
            chosen_modules=[dump(module) for module in modules],
            state=ASSIGNED,
            assigned_by=assigned_by,
            assigned_at=at,
        )
        assignment.record(
            SeatAssigned(
                assignment_id=assignment.id,
                organisation_id=organisation_id,
                account_id=account_id,
                product_id=product_id,
                sku=sku,
                product_name=product_name,
                kind=kind,
                valid_until=valid_until,
                modules=list(modules),
                assigned_by=assigned_by,
            )
        )
        return assignment

    @property
    def modules(self) -> list[ChosenModule]:
        """The modules as they were when the seat was given."""
        return [load(ChosenModule, module) for module in self.chosen_modules]

    @property
    def can_withdraw(self) -> bool:
        """Whether the seat can still be taken back."""
        return self.state == ASSIGNED

    def withdraw(self, at: datetime) -> None:
        """Take the seat back; raises :class:`Conflict` once the training was begun."""
        if not self.can_withdraw:
            raise Conflict(
                "cannot_withdraw",
                "The seat can be taken back only before the training is begun.",
                params={"state": self.state},
            )
        self.state = WITHDRAWN
        self.withdrawn_at = at
        self.record(
            AssignmentWithdrawn(
                assignment_id=self.id,
                organisation_id=self.organisation_id,
                account_id=self.account_id,
                sku=self.sku,
                kind=self.kind,
                product_name=self.product_name,
            )
        )

    def begin(self, at: datetime) -> bool:
        """Note that the training was begun; false where that changes nothing (late, or told twice)."""
        if self.state != ASSIGNED:
            return False
        self.state = BEGUN
        self.begun_at = at
        return True

    def finish(self, at: datetime) -> bool:
        """Note that the training was passed, even if its beginning is not known yet or the seat ended meanwhile."""
        if self.state not in (*UNFINISHED, LAPSED):
            return False
        self.state = FINISHED
        self.finished_at = at
        return True

    def lapse(self) -> None:
        """The seat ended before the training was passed: the person may be given a new one."""
        self.state = LAPSED
