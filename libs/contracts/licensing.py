"""What ``licensing`` publishes: seats, assignments, choices of modules."""

from datetime import date, datetime
from uuid import UUID

from libs.contracts.base import Event, LocalText, bounded, contract, event
from libs.contracts.orders import ModuleView


@contract
class ListLicences:
    """Asks what an organisation holds."""

    organisation_id: UUID


@contract
class LicenceView:
    """The seats of one product in an organisation; the counts are computed from the rows.

    ``valid_until`` is the last day of the seats that end first; expired seats do not count.
    """

    product_id: UUID
    sku: str
    name: LocalText
    kind: str
    granted: int
    assigned: int
    available: int
    valid_until: date | None
    choose_modules: bool = False
    minutes_required: int = 0
    hours_rule: str = "exact"
    modules: list[ModuleView] = bounded(200, default=[])


@contract
class Licences:
    """All that an organisation holds."""

    items: list[LicenceView]


@contract
class GetLicence:
    """Asks for one product's seats in an organisation."""

    organisation_id: UUID
    sku: str = bounded(60, least=1)


@contract
class Assignee:
    """A person who gets a seat, with the chosen modules where the product asks for a choice."""

    account_id: UUID
    modules: list[str] = bounded(200, default=[])


@contract
class Assign:
    """Gives seats to people, all or nothing.

    Refusals: ``Conflict`` ``not_enough_seats`` (``wanted``, ``available``), ``already_assigned`` (faults name the
    people); ``Invalid`` ``wrong_hours`` (``have``, ``required``, ``rule``), ``unknown_module``, ``repeated_module``
    (``module``), ``modules_not_chosen`` or ``no_choice`` at ``people.N.modules``, ``repeated`` at
    ``people.N.account_id``; a person of another organisation is ``NotFound`` ``unknown_person``.
    """

    organisation_id: UUID
    sku: str = bounded(60, least=1)
    people: list[Assignee] = bounded(1000, least=1)


@contract
class ChosenModule:
    """A module as it was at the moment of the choice."""

    code: str
    name: LocalText
    minutes: int


@contract
class AssignmentView:
    """A seat held by a person.

    ``state``: ``assigned``, ``begun``, ``finished``, ``withdrawn``, or ``lapsed`` where the seat ended before that.
    """

    id: UUID
    organisation_id: UUID
    account_id: UUID
    sku: str
    product_name: LocalText
    kind: str
    state: str
    assigned_at: datetime
    valid_until: date
    modules: list[ChosenModule]
    can_withdraw: bool


@contract
class Assignments:
    """Assignments, newest first."""

    items: list[AssignmentView]


@contract
class ListAssignments:
    """Asks for the assignments of an organisation, of one product where ``sku`` is given."""

    organisation_id: UUID
    sku: str = bounded(60, default="")
    account_id: UUID | None = None


@contract
class ListMyAssignments:
    """Asks for the caller's own assignments."""


@contract
class WithdrawAssignment:
    """Takes a seat back that was not yet begun; the seat is free again."""

    assignment_id: UUID


# --- events -----------------------------------------------------------------------------------------------------


@event("licensing.seats_granted.v1", subject="order_id")
class SeatsGranted(Event):
    """Seats of one order line appeared."""

    order_id: UUID
    line_id: UUID
    organisation_id: UUID
    product_id: UUID
    sku: str
    quantity: int
    valid_until: date


@event("licensing.seat_assigned.v1", subject="assignment_id")
class SeatAssigned(Event):
    """A person got a seat; for a training with exactly these modules."""

    assignment_id: UUID
    organisation_id: UUID
    account_id: UUID
    product_id: UUID
    sku: str
    product_name: LocalText
    kind: str
    valid_until: date
    modules: list[ChosenModule]
    assigned_by: UUID


@event("licensing.assignment_withdrawn.v1", subject="assignment_id")
class AssignmentWithdrawn(Event):
    """The seat was taken back before it was begun."""

    assignment_id: UUID
    organisation_id: UUID
    account_id: UUID
    sku: str
    kind: str
    product_name: LocalText = bounded(10, default={})
