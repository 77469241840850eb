"""What the portal asks of ``licensing``: seats and who holds them."""

from collections.abc import Sequence
from uuid import UUID

from gateway.clients.base import Remote, client
from libs.contracts import licensing as contract


class LicensingClient(Remote):
    """The remote side of ``licensing``; each method is one deed or question there."""

    service = "licensing"

    def list_licences(self, organisation_id: UUID) -> contract.Licences:
        """All that an organisation holds."""
        return self._ask("list_licences", contract.ListLicences(organisation_id=organisation_id), contract.Licences)

    def get_licence(self, organisation_id: UUID, sku: str) -> contract.LicenceView:
        """One product's seats."""
        request = contract.GetLicence(organisation_id=organisation_id, sku=sku)
        return self._ask("get_licence", request, contract.LicenceView)

    def assign(self, organisation_id: UUID, sku: str, people: Sequence[contract.Assignee]) -> contract.Assignments:
        """Give seats to people, all or nothing."""
        request = contract.Assign(organisation_id=organisation_id, sku=sku, people=list(people))
        return self._tell("assign", request, contract.Assignments)

    def list_assignments(
        self, organisation_id: UUID, *, sku: str = "", account_id: UUID | None = None
    ) -> contract.Assignments:
        """Who holds seats."""
        request = contract.ListAssignments(organisation_id=organisation_id, sku=sku, account_id=account_id)
        return self._ask("list_assignments", request, contract.Assignments)

    def list_my_assignments(self) -> contract.Assignments:
        """The seats of the caller."""
        return self._ask("list_my_assignments", contract.ListMyAssignments(), contract.Assignments)

    def withdraw_assignment(self, assignment_id: UUID) -> contract.AssignmentView:
        """Take a seat back that was not yet begun."""
        request = contract.WithdrawAssignment(assignment_id=assignment_id)
        return self._tell("withdraw_assignment", request, contract.AssignmentView)


licensing = client(LicensingClient)
