"""``/me`` and ``/session``: who is signed in, and signing out."""

from uuid import UUID

from gateway.api.v1.rim import Resource
from gateway.clients.identity import identity
from gateway.security.cookies import forget_session
from gateway.security.guards import guard, signed_in
from gateway.security.session import the_visitor
from libs.contracts.base import contract

blueprint = Resource("api_session", __name__, description="Who is signed in")


@contract
class Me:
    """Who is signed in, and for which organisation."""

    account_id: UUID
    name: str
    language: str
    roles: list[str]
    organisation_id: UUID | None = None
    organisation_name: str | None = None


@blueprint.route("/me", methods=["GET"])
@guard(signed_in)
@blueprint.gives(Me)
def me() -> Me:
    """Who the session belongs to."""
    view = the_visitor()
    return Me(
        account_id=view.account_id,
        name=view.name,
        language=view.language,
        roles=view.roles,
        organisation_id=view.organisation_id,
        organisation_name=view.organisation_name,
    )


@blueprint.route("/session", methods=["DELETE"])
@guard(signed_in)
@blueprint.response(204)
def sign_out() -> None:
    """End this session."""
    identity.end_session()
    forget_session()
