"""People get seats, all of them or none, and seats are taken back."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Date, Uuid, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from libs.chassis.principal import Principal
from libs.contracts.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from libs.contracts.licensing import (
    Assign,
    Assignee,
    Assignments,
    AssignmentView,
    ChosenModule,
    WithdrawAssignment,
)
from libs.messaging.work import Work
from services.licensing.model import Assignment, ChoiceRefused, Seat, SeatPool
from services.licensing.model.assignment import UNFINISHED
from services.licensing.projections import Person, Product
from services.licensing.settings import settings
from services.licensing.views import view_of


class Claim(NamedTuple):
    """A seat taken for a person."""

    seat_id: int
    valid_until: date


def assign(work: Work, command: Assign) -> Assignments:
    """Give each of the people a seat of the product; if one cannot have it, nobody gets one."""
    _require_manager(work.caller, command.organisation_id)
    product = _product(work, command.sku)
    _check_people(work, command)
    choices = _choices(product, command.people)
    pool_id = _lock_pool(work, command.organisation_id, product)
    _refuse_second_seats(work, product, command.people)
    claims = _claim_seats(work, pool_id, len(command.people))
    return _give(work, command, product, choices, claims)


def withdraw_assignment(work: Work, command: WithdrawAssignment) -> AssignmentView:
    """Take back a seat that was not begun; it is free again at once."""
    work.caller.require("manager")
    assignment = work.session.get(Assignment, command.assignment_id, with_for_update=True)
    if assignment is None:
        raise NotFound
    _require_manager(work.caller, assignment.organisation_id)
    assignment.withdraw(work.now())
    work.session.execute(update(Seat).where(Seat.assignment_id == assignment.id).values(assignment_id=None))
    return view_of(assignment)


def _require_manager(caller: Principal, organisation_id: UUID) -> None:
    if caller.is_staff:
        raise Forbidden
    caller.require_manager_of(organisation_id)


def _product(work: Work, sku: str) -> Product:
    product = work.session.scalar(select(Product).where(Product.sku == sku))
    if product is None:
        raise NotFound("unknown_product", "There is no such product.", params={"sku": sku})
    return product


def _check_people(work: Work, command: Assign) -> None:
    counts = Counter(person.account_id for person in command.people)
    if repeated := [account_id for account_id, times in counts.items() if times > 1]:
        raise Invalid(faults=_faults_at(command.people, repeated, "repeated"))
    theirs = set(
        work.session.scalars(
            select(Person.account_id).where(
                Person.account_id.in_(list(counts)),
                Person.organisation_id == command.organisation_id,
                Person.closed.is_(False),
            )
        )
    )
    if strangers := [account_id for account_id in counts if account_id not in theirs]:
        raise NotFound(
            "unknown_person",
            "Some of the people do not belong to this organisation.",
            faults=_faults_at(command.people, strangers, "unknown_person"),
        )


def _choices(product: Product, people: Sequence[Assignee]) -> list[list[ChosenModule]]:
    rule, choices, faults = product.rule, [], []
    for number, person in enumerate(people):
        try:
            choices.append(rule.select(person.modules))
        except ChoiceRefused as refusal:
            faults.append(Fault(field=f"people.{number}.modules", code=refusal.code, params=refusal.params))
    if faults:
        raise Invalid(faults=faults)
    return choices


def _lock_pool(work: Work, organisation_id: UUID, product: Product) -> UUID | None:
    return work.session.scalar(
        select(SeatPool.id)
        .where(SeatPool.organisation_id == organisation_id, SeatPool.product_id == product.product_id)
        .with_for_update()
    )


def _refuse_second_seats(work: Work, product: Product, people: Sequence[Assignee]) -> None:
    holders = work.session.scalars(
        select(Assignment.account_id).where(
            Assignment.account_id.in_([person.account_id for person in people]),
            Assignment.product_id == product.product_id,
            Assignment.state.in_(UNFINISHED),
        )
    ).all()
    if holders:
        raise _already_assigned(people, holders)


def _claim_seats(work: Work, pool_id: UUID | None, wanted: int) -> list[Claim]:
    rows = work.session.execute(
        select(Seat.id, Seat.valid_until)
        .where(
            Seat.pool_id == pool_id, Seat.assignment_id.is_(None), Seat.valid_until >= bindparam("today", type_=Date)
        )
        .order_by(Seat.valid_until, Seat.id)
        .limit(wanted)
        .with_for_update(),
        {"today": work.now().astimezone(settings().time_zone).date()},
    )
    claims = [Claim(*row) for row in rows]
    if len(claims) < wanted:
        raise Conflict(
            "not_enough_seats",
            "There are fewer unused seats than people.",
            params={"wanted": wanted, "available": len(claims)},
        )
    return claims


def _give(
    work: Work, command: Assign, product: Product, choices: list[list[ChosenModule]], claims: list[Claim]
) -> Assignments:
    assignments = [
        Assignment.give(
            organisation_id=command.organisation_id,
            account_id=person.account_id,
            product_id=product.product_id,
            sku=product.sku,
            product_name=product.name,
            kind=product.kind,
            seat_id=claim.seat_id,
            valid_until=claim.valid_until,
            modules=modules,
            assigned_by=work.caller.account_id,
            at=work.now(),
        )
        for person, modules, claim in zip(command.people, choices, claims, strict=True)
    ]
    work.session.add_all(assignments)
    try:
        work.session.flush()
    except IntegrityError as error:
        if "uq_assignments_unfinished" not in str(error.orig):
            raise
        # somebody gave these people the same product through another organisation's pool at this very moment
        raise _already_assigned(command.people, []) from None
    _hold_seats(work, assignments)
    return Assignments(items=[view_of(assignment) for assignment in assignments])


def _hold_seats(work: Work, assignments: Sequence[Assignment]) -> None:
    # pairs handed over as arrays: joined with the table of assignments, the plan hangs on how fresh its statistics are
    pairs = (
        func.unnest(
            bindparam("seats", [assignment.seat_id for assignment in assignments], ARRAY(BigInteger)),
            bindparam("holders", [assignment.id for assignment in assignments], ARRAY(Uuid)),
        )
        .table_valued("seat", "holder", name="taken")
        .render_derived()
    )
    work.session.execute(
        update(Seat).where(Seat.id == pairs.c.seat).values(assignment_id=pairs.c.holder),
        execution_options={"synchronize_session": False},
    )


def _already_assigned(people: Sequence[Assignee], holders: Sequence[UUID]) -> Conflict:
    return Conflict(
        "already_assigned",
        "Some of the people already have an unfinished seat of this product.",
        params={"people": [str(holder) for holder in holders]},
        faults=_faults_at(people, holders, "already_assigned"),
    )


def _faults_at(people: Sequence[Assignee], account_ids: Sequence[UUID], code: str) -> list[Fault]:
    wrong = set(account_ids)
    return [
        Fault(field=f"people.{number}.account_id", code=code)
        for number, person in enumerate(people)
        if person.account_id in wrong
    ]
