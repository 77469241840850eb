"""What certificates tell of a training moves its assignment; time ends what was not passed."""

from uuid import UUID

from sqlalchemy import select

from libs.chassis.logging import get_logger
from libs.contracts.certificates import TrainingBegun, TrainingPassed
from libs.messaging.work import Work
from services.licensing.model import Assignment
from services.licensing.model.assignment import UNFINISHED
from services.licensing.settings import settings

BATCH = 500

log = get_logger(__name__)


def note_training_begun(work: Work, event: TrainingBegun) -> None:
    """From now on the seat cannot be taken back."""
    assignment = _find(work, event.assignment_id)
    if assignment is not None and not assignment.begin(work.now()):
        log.info("beginning changes nothing", assignment_id=str(assignment.id), state=assignment.state)


def note_training_passed(work: Work, event: TrainingPassed) -> None:
    """The seat is used up, and the person may be given a new one."""
    assignment = _find(work, event.assignment_id)
    if assignment is not None and not assignment.finish(event.passed_at):
        log.info("passing changes nothing", assignment_id=str(assignment.id), state=assignment.state)


def lapse_expired(work: Work) -> bool:
    """End unfinished assignments whose seats ended; true while there may be more of them."""
    today = work.now().astimezone(settings().time_zone).date()
    expired = work.session.scalars(
        select(Assignment)
        .where(Assignment.state.in_(UNFINISHED), Assignment.valid_until < today)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for assignment in expired:
        assignment.lapse()
    return len(expired) == BATCH


def _find(work: Work, assignment_id: UUID) -> Assignment | None:
    assignment = work.session.get(Assignment, assignment_id, with_for_update=True)
    if assignment is None:
        log.warning("unknown assignment", assignment_id=str(assignment_id))
    return assignment
