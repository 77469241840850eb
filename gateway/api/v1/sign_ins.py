"""``/sign-ins``: name and password, the wait for the phone, the session token."""

from datetime import datetime
from uuid import UUID

from flask import request

from gateway.api.v1.rim import Resource
from gateway.clients.identity import identity
from gateway.security.cookies import browser_token, known_browser_token
from gateway.security.guards import guard, public
from gateway.security.rate_limit import limited
from gateway.security.tokens import digest, new_token
from libs.contracts.base import bounded, contract
from libs.contracts.errors import NotFound
from libs.contracts.identity import SignInView

blueprint = Resource("api_sign_ins", __name__, url_prefix="/sign-ins", description="Signing in")


@contract
class Credentials:
    """What a person knows."""

    login: str = bounded(254, least=1)
    password: str = bounded(1024, least=1)


@contract
class NewPassword:
    """The password that replaces the issued one."""

    new_password: str = bounded(1024, least=1)


@contract
class SignIn:
    """Where the sign-in stands; ``code`` is the number that the phone shows too, ``session_token`` comes once."""

    id: UUID
    state: str
    expires_at: datetime
    code: str | None = None
    retry_at: datetime | None = None
    session_token: str | None = None


def _shown(view: SignInView, session_token: str | None = None) -> SignIn:
    return SignIn(
        id=view.id,
        state=view.state,
        expires_at=view.expires_at,
        code=view.code,
        retry_at=view.retry_at,
        session_token=session_token,
    )


def _browser_digest() -> str:
    token = known_browser_token()
    if token is None:
        raise NotFound
    return digest(token)


@blueprint.route("", methods=["POST"])
@guard(public)
@limited("sign_in")
@blueprint.takes(Credentials)
@blueprint.gives(SignIn, 201)
@blueprint.doc(security=[])
def begin(credentials: Credentials) -> SignIn:
    """Begin with name and password; a wrong one of the two is 401, the same for both."""
    view = identity.begin_sign_in(
        credentials.login,
        credentials.password,
        digest(browser_token()),
        network=request.remote_addr or "",
        device=request.user_agent.string[:200],
    )
    return _shown(view)


@blueprint.route("/<uuid:sign_in_id>", methods=["GET"])
@guard(public)
@blueprint.gives(SignIn)
@blueprint.doc(security=[])
def read(sign_in_id: UUID) -> SignIn:
    """Ask how it stands; once it is approved, the answer holds the session token, one single time."""
    browser_digest = _browser_digest()
    view = identity.get_sign_in(sign_in_id, browser_digest)
    if view.state != "approved":
        return _shown(view)
    token = new_token()
    identity.complete_sign_in(sign_in_id, browser_digest, digest(token))
    return _shown(identity.get_sign_in(sign_in_id, browser_digest), token)


@blueprint.route("/<uuid:sign_in_id>/password", methods=["PUT"])
@guard(public)
@limited("sign_in")
@blueprint.takes(NewPassword)
@blueprint.gives(SignIn)
@blueprint.doc(security=[])
def change_password(body: NewPassword, sign_in_id: UUID) -> SignIn:
    """Change the issued password, which a first sign-in demands before anything else."""
    return _shown(identity.change_issued_password(sign_in_id, _browser_digest(), body.new_password))
