"""The browsable page of the API and what its document says besides the operations themselves."""

from typing import Any

from flask import Blueprint, Response, make_response, render_template
from flask_smorest import Api

from gateway.security.guards import guard, public
from gateway.security.headers import POLICY

blueprint = Blueprint("api", __name__, url_prefix="/api/v1", template_folder="templates")

DESCRIPTION = """
Programs sign in as people do: `POST /sign-ins`, confirm on the phone, then `GET /sign-ins/{id}` gives the session token
once. Keep the cookie that the first answer sets until then: it binds the sign-in to the caller. Afterwards send
`Authorization: Bearer <session token>`.

Every changing request may carry an `Idempotency-Key`: sent again with the same body it gets the first answer, with
another body 409. Errors are `application/problem+json` with a stable `code`. Money is
`{"amount": "123.40", "currency": "EUR"}`, instants are RFC 3339 in UTC, lists are paged by `page_size` and
`page_token`.
""".strip()

CHANGING = ("post", "put", "patch", "delete")
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The caller's name for this deed; a repeat with the same body gets the first answer.",
    "schema": {"type": "string", "maxLength": 200},
}


def describe(api: Api) -> None:
    """Add the ways to sign in and the idempotency key to every operation that needs them; errors are problems."""
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme("session", {"type": "apiKey", "in": "cookie", "name": "session"})
    for answer in api.spec.components.responses.values():
        if "application/json" in answer.get("content", {}):
            answer["content"] = {"application/problem+json": answer["content"]["application/json"]}
    paths: dict[str, dict[str, Any]] = api.spec._paths
    for operations in paths.values():
        for method, operation in operations.items():
            if method not in (*CHANGING, "get"):
                continue
            operation.setdefault("security", [{"bearer": []}, {"session": []}])
            if method in CHANGING:
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)


@blueprint.get("/docs")
@guard(public)
def docs() -> Response:
    """The API to read and to try; its style sheet, which is not ours, draws small pictures from ``data:`` addresses."""
    answer = make_response(render_template("api/docs.html"))
    answer.headers["Content-Security-Policy"] = POLICY.replace("img-src 'self'", "img-src 'self' data:")
    return answer
