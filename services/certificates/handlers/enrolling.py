"""A seat of a training makes an enrolment; a withdrawn seat ends it, in whichever order the two are heard of."""

from uuid import UUID

from sqlalchemy import func, select

from libs.contracts.licensing import AssignmentWithdrawn, SeatAssigned
from libs.messaging.work import Work
from services.certificates import settings
from services.certificates.model import EnrolledModule, Enrolment, Withdrawal


def enrol(work: Work, event: SeatAssigned) -> None:
    """Enrol the person in exactly the modules that were chosen."""
    if event.kind != "training":
        return
    _one_at_a_time(work, event.assignment_id)
    if work.session.get(Enrolment, event.assignment_id):
        return
    enrolment = Enrolment(
        id=event.assignment_id,
        account_id=event.account_id,
        organisation_id=event.organisation_id,
        sku=event.sku,
        training_sku=settings.training_of(event.sku),
        training=event.product_name,
        state="assigned",
        assigned_at=work.envelope.time if work.envelope else work.now(),
        valid_until=event.valid_until,
        modules=[
            EnrolledModule(position=position, code=module.code, name=module.name, minutes=module.minutes, tries=0)
            for position, module in enumerate(event.modules)
        ],
    )
    if withdrawal := work.session.get(Withdrawal, event.assignment_id):
        enrolment.withdraw(withdrawal.withdrawn_at)
        work.session.delete(withdrawal)
    work.session.add(enrolment)


def end_enrolment(work: Work, event: AssignmentWithdrawn) -> None:
    """End the enrolment, or remember the withdrawal until its assignment is heard of."""
    if event.kind != "training":
        return
    _one_at_a_time(work, event.assignment_id)
    if enrolment := work.session.get(Enrolment, event.assignment_id, with_for_update=True):
        enrolment.withdraw(work.now())
    elif not work.session.get(Withdrawal, event.assignment_id):
        work.session.add(Withdrawal(assignment_id=event.assignment_id, withdrawn_at=work.now()))


def _one_at_a_time(work: Work, assignment_id: UUID) -> None:
    # neither row may exist yet, so there is nothing else to lock
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(assignment_id), 0))))
