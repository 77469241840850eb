"""What callers may ask of licensing."""

from libs.contracts.licensing import (
    Assign,
    Assignments,
    AssignmentView,
    GetLicence,
    Licences,
    LicenceView,
    ListAssignments,
    ListLicences,
    ListMyAssignments,
    WithdrawAssignment,
)
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work
from services.licensing import queries
from services.licensing.handlers import assigning


class LicensingRpc(ServiceRpc):
    """Seats of organisations and the people who hold them."""

    name = "licensing"

    @command
    def assign(self, work: Work, request: Assign) -> Assignments:
        return assigning.assign(work, request)

    @command
    def withdraw_assignment(self, work: Work, request: WithdrawAssignment) -> AssignmentView:
        return assigning.withdraw_assignment(work, request)

    @query
    def list_licences(self, work: Work, request: ListLicences) -> Licences:
        return queries.list_licences(work, request)

    @query
    def get_licence(self, work: Work, request: GetLicence) -> LicenceView:
        return queries.get_licence(work, request)

    @query
    def list_assignments(self, work: Work, request: ListAssignments) -> Assignments:
        return queries.list_assignments(work, request)

    @query
    def list_my_assignments(self, work: Work, request: ListMyAssignments) -> Assignments:
        return queries.list_my_assignments(work, request)
