"""The one table from errors to answers: a problem (RFC 9457) for programs, a page for people; else a bare 500."""

import logging
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from werkzeug.exceptions import HTTPException

from gateway.faults import SENTENCES, sentence, sentence_of
from gateway.security.session import principals, visitor
from libs.contracts.errors import Internal, ServiceError, Unauthenticated

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """How one kind of error looks to people."""

    status: int
    heading: LazyString
    tone: str = "warn"


ANSWERS: dict[str, Answer] = {
    "internal": Answer(500, _l("Something went wrong on our side"), "bad"),
    "invalid": Answer(422, _l("Some of the data is not valid")),
    "unauthenticated": Answer(401, _l("Please sign in")),
    "forbidden": Answer(403, _l("You may not open this")),
    "not_found": Answer(404, _l("We could not find this page")),
    "conflict": Answer(409, _l("This is not possible just now")),
    "rate_limited": Answer(429, _l("Too many attempts")),
    "unavailable": Answer(503, _l("Please try again in a minute")),
}
"""Kind of a ``ServiceError`` → its answer; a test keeps it complete."""

COME_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
RETRY_AFTER_SECONDS = 5
"""What is said where whoever refused did not say when to come again."""

HTTP_KINDS = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    429: "rate_limited",
    503: "unavailable",
}

HTTP_SENTENCES: dict[int, LazyString] = {
    400: _l("The browser sent something we cannot read. Go back and try once more."),
    404: _l("There is nothing at this address, or it is not yours to see."),
    405: _l("This address cannot be used in this way."),
    413: _l("What you sent is too large."),
    415: _l("This kind of file cannot be used here."),
}


def wants_problem() -> bool:
    """Whether the caller is a program that gets a problem document instead of a page."""
    return request.path.startswith("/api/")


def problem(error: ServiceError) -> Response:
    """The RFC 9457 body of an error."""
    answer = ANSWERS[error.KIND]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
        "code": error.code,
        "detail": error.message,
        "correlation_id": g.get("correlation_id"),
    }
    if error.params:
        body["params"] = error.params
    if error.faults:
        body["faults"] = [
            {"field": f.field, "code": f.code, "params": dict(f.params), "detail": sentence(f.code, f.params)}
            for f in error.faults
        ]
    return _finish(jsonify(body), answer.status, error.retry_after, "application/problem+json")


def page(error: ServiceError) -> Response:
    """The page of an error."""
    answer = ANSWERS[error.KIND]
    text = sentence_of(error) if error.code in SENTENCES or not isinstance(error, Internal) else ""
    if error.KIND == "not_found":
        text = str(HTTP_SENTENCES[404])
    return _page(answer.status, str(answer.heading), text, answer.tone, error.retry_after)


def _know_visitor() -> None:
    """Find out who reads the page; where that is what failed, nobody does."""
    try:
        visitor()
    except ServiceError:
        g.visitor = None


def _page(status: int, heading: str, text: str, tone: str, retry_after: int | None = None) -> Response:
    _know_visitor()
    again = _comes_again(status)
    html = render_template(
        "errors/error.html",
        heading=heading,
        text=text,
        tone=tone,
        status=status,
        retry_after=None if again else retry_after,
        again=again,
    )
    response = _finish(make_response(html), status, retry_after, "text/html")
    if again:
        response.headers["Refresh"] = response.headers["Retry-After"]
    return response


def _finish(response: Response, status: int, retry_after: int | None, mimetype: str) -> Response:
    response.status_code = status
    response.mimetype = mimetype
    if retry_after is None and status in COME_AGAIN:
        retry_after = RETRY_AFTER_SECONDS
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _comes_again(status: int) -> bool:
    """Whether the page asks again by itself: only where asking again changes nothing."""
    return status == HTTPStatus.SERVICE_UNAVAILABLE and request.method in ("GET", "HEAD")


def on_service_error(error: ServiceError) -> Response:
    """Answer a refusal of a service or of the gateway itself."""
    if isinstance(error, Unauthenticated):
        _ask_anew()
    return problem(error) if wants_problem() else page(error)


def _ask_anew() -> None:
    """A service does not accept the principal: let the next request find out whether the session still lives."""
    view = g.get("visitor")
    if view is not None:
        principals().forget_account(view.account_id)
        g.visitor = None


def on_http_error(error: HTTPException) -> Response:
    """Answer what Flask and Werkzeug refuse: unknown addresses, wrong methods, bodies that are too large."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]
    heading = ANSWERS[
        HTTP_KINDS.get(status, "invalid" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
    ].heading
    if wants_problem():
        phrase = error.name
        body = {"type": "about:blank", "title": phrase, "status": status, "code": phrase.lower().replace(" ", "_")}
        response = _finish(
            jsonify(body | {"correlation_id": g.get("correlation_id")}), status, None, "application/problem+json"
        )
    else:
        response = _page(status, str(heading), str(HTTP_SENTENCES.get(status, "")), "warn")
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def on_unknown(error: Exception) -> Response:
    """Answer a bare 500; the cause stands in the log under the correlation id and nowhere else."""
    log.exception("unhandled error", extra={"endpoint": request.endpoint, "kind": type(error).__name__})
    return on_service_error(Internal())


def install(app: Flask) -> None:
    """Let this table answer every error of the application."""
    app.register_error_handler(ServiceError, on_service_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(Exception, on_unknown)
