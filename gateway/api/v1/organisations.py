"""``/organisations/{id}``: licences, people, assignments, results of an organisation."""

from uuid import UUID

from marshmallow import fields, validate

from gateway.api.v1.rim import PageQuery, Resource
from gateway.clients.certificates import certificates
from gateway.clients.identity import identity
from gateway.clients.licensing import licensing
from gateway.security.guards import guard, role
from libs.contracts.base import bounded, contract, schema_of
from libs.contracts.certificates import ListResults, Results
from libs.contracts.identity import AddedPeople, NewPerson, People, PeopleCheck
from libs.contracts.licensing import Assignee, Assignments, AssignmentView, LicenceView

blueprint = Resource("api_organisations", __name__, url_prefix="/organisations", description="Organisations")

manager_or_staff = role("manager", "clerk", "finance", "official", "admin")
manager_or_clerk = role("manager", "clerk", "admin")


@contract
class Rows:
    """People as typed or pasted."""

    people: list[NewPerson] = bounded(5000, least=1)


@contract
class RowsToAdd:
    """People to add; with ``only_good`` faulty rows are passed over and told."""

    people: list[NewPerson] = bounded(5000, least=1)
    only_good: bool = False


@contract
class SeatsFor:
    """Who gets a seat of which product."""

    sku: str = bounded(60, least=1)
    people: list[Assignee] = bounded(1000, least=1)


class PeopleQuery(PageQuery):
    """Which people."""

    search = fields.String(load_default="", validate=validate.Length(max=100))


class ResultQuery(PageQuery):
    """Which results."""

    sku = fields.String(load_default="", validate=validate.Length(max=60))
    state = fields.String(load_default="", validate=validate.OneOf(("", "assigned", "begun", "passed", "withdrawn")))


@blueprint.route("/<uuid:organisation_id>/licences", methods=["GET"])
@guard(manager_or_staff)
@blueprint.response(200, schema_of(LicenceView)(many=True))
def licences(organisation_id: UUID) -> list[LicenceView]:
    """What the organisation holds: granted, assigned, available."""
    return licensing.list_licences(organisation_id).items


@blueprint.route("/<uuid:organisation_id>/people", methods=["GET"])
@guard(manager_or_clerk)
@blueprint.takes_query(PeopleQuery)
@blueprint.gives(People)
def people(query: dict[str, str], organisation_id: UUID) -> People:
    """People of the organisation, by family name."""
    return identity.list_people(organisation_id, **query)  # type: ignore[arg-type]


@blueprint.route("/<uuid:organisation_id>/people/check", methods=["POST"])
@guard(manager_or_clerk)
@blueprint.takes(Rows)
@blueprint.gives(PeopleCheck)
def check(body: Rows, organisation_id: UUID) -> PeopleCheck:
    """Check rows cell by cell; nothing is saved."""
    return identity.check_people(organisation_id, body.people)


@blueprint.route("/<uuid:organisation_id>/people", methods=["POST"])
@guard(manager_or_clerk)
@blueprint.takes(RowsToAdd)
@blueprint.gives(AddedPeople, 201)
def add(body: RowsToAdd, organisation_id: UUID) -> AddedPeople:
    """Create accounts; each person gets a mail with sign-in data."""
    return identity.add_people(organisation_id, body.people, only_good=body.only_good)


@blueprint.route("/<uuid:organisation_id>/assignments", methods=["POST"])
@guard(role("manager"))
@blueprint.takes(SeatsFor)
@blueprint.gives(Assignments, 201)
def assign(body: SeatsFor, organisation_id: UUID) -> Assignments:
    """Give seats to people, all or nothing."""
    return licensing.assign(organisation_id, body.sku, body.people)


@blueprint.route("/<uuid:organisation_id>/assignments", methods=["GET"])
@guard(manager_or_staff)
@blueprint.gives(Assignments)
def assignments(organisation_id: UUID) -> Assignments:
    """Who holds seats."""
    return licensing.list_assignments(organisation_id)


@blueprint.route("/<uuid:organisation_id>/assignments/<uuid:assignment_id>", methods=["DELETE"])
@guard(role("manager"))
@blueprint.gives(AssignmentView)
def withdraw(organisation_id: UUID, assignment_id: UUID) -> AssignmentView:
    """Take a seat back that was not yet begun."""
    return licensing.withdraw_assignment(assignment_id)


@blueprint.route("/<uuid:organisation_id>/results", methods=["GET"])
@guard(manager_or_staff)
@blueprint.takes_query(ResultQuery)
@blueprint.gives(Results)
def results(query: dict[str, str], organisation_id: UUID) -> Results:
    """Results of all trainings given to people of the organisation."""
    return certificates.list_results(ListResults(organisation_id=organisation_id, **query))  # type: ignore[arg-type]
