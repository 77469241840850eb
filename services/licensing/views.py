"""How an assignment is told."""

from libs.contracts.licensing import AssignmentView
from services.licensing.model import Assignment


def view_of(assignment: Assignment) -> AssignmentView:
    """The assignment as its organisation, its holder and staff see it."""
    return AssignmentView(
        id=assignment.id,
        organisation_id=assignment.organisation_id,
        account_id=assignment.account_id,
        sku=assignment.sku,
        product_name=assignment.product_name,
        kind=assignment.kind,
        state=assignment.state,
        assigned_at=assignment.assigned_at,
        valid_until=assignment.valid_until,
        modules=assignment.modules,
        can_withdraw=assignment.can_withdraw,
    )
