"""``/me/trainings``: the caller's trainings, and completion told by an outside learning system."""

from uuid import UUID

from gateway.api.v1.rim import Resource
from gateway.clients.certificates import certificates
from gateway.security.guards import guard, signed_in
from libs.contracts.base import between, contract, schema_of
from libs.contracts.certificates import EnrolmentView, TestResult

blueprint = Resource("api_trainings", __name__, url_prefix="/me/trainings", description="Own trainings")


@contract
class Completion:
    """The score in percent."""

    score: int = between(0, 100, default=100)


@blueprint.route("", methods=["GET"])
@guard(signed_in)
@blueprint.response(200, schema_of(EnrolmentView)(many=True))
def read_all() -> list[EnrolmentView]:
    """The caller's trainings, unfinished ones first."""
    return certificates.list_my_trainings().items


@blueprint.route("/<uuid:enrolment_id>", methods=["GET"])
@guard(signed_in)
@blueprint.gives(EnrolmentView)
def read(enrolment_id: UUID) -> EnrolmentView:
    """One of the caller's trainings."""
    return certificates.get_my_training(enrolment_id)


@blueprint.route("/<uuid:enrolment_id>/modules/<code>/completion", methods=["POST"])
@guard(signed_in)
@blueprint.takes(Completion)
@blueprint.gives(TestResult)
def complete(body: Completion, enrolment_id: UUID, code: str) -> TestResult:
    """An outside learning system tells that the caller completed a module."""
    return certificates.complete_module(enrolment_id, code, body.score)
