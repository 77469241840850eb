"""Signing in: name and password, a new password the first time, the wait for the phone, and every end of it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gateway.clients.identity import identity
from gateway.faults import refused
from gateway.i18n import COOKIE, LANGUAGES, set_language
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.portal.sign_in.device import device_of
from gateway.portal.sign_in.forms import SHORTEST_PASSWORD, NewPasswordForm, SignInForm
from gateway.portal.sign_in.outcomes import OUTCOMES
from gateway.security.cookies import begin_session, browser_token, known_browser_token
from gateway.security.guards import guard, public, safe_next, signed_in
from gateway.security.rate_limit import limited
from gateway.security.session import the_visitor, visitor
from gateway.security.tokens import digest, new_token
from gateway.streams import push
from libs.contracts.errors import Conflict, NotFound, Unauthenticated
from libs.contracts.identity import SignInSettled, SignInView

journey = journeys.new(__name__)
Page = tuple[str, int] | Response


@journey.route("/sign-in", methods=["GET", "POST"])
@guard(public)
@limited("sign_in", "POST")
def form() -> Page:
    """Name and password; wrong ones are told apart neither in words nor in status."""
    if visitor() is not None:
        return redirect(_wanted() or url_for("welcome.home"))
    fields = SignInForm()
    if fields.validate_on_submit():
        with refused(fields):
            begun = _begin(fields)
            if begun is not None:
                return _to("sign_in.progress", begun.id)
    return page("sign_in/form.html", fields)


def _begin(fields: SignInForm) -> SignInView | None:
    try:
        return identity.begin_sign_in(
            fields.login.data or "",
            fields.password.data or "",
            digest(browser_token()),
            network=request.remote_addr or "",
            device=device_of(request.headers.get("User-Agent", "")),
        )
    except Unauthenticated:
        raise Conflict("wrong_credentials") from None


@journey.get("/sign-in/<uuid:sign_in_id>")
@guard(public)
def progress(sign_in_id: UUID) -> Page:
    """Where this attempt stands: the waiting page, the way in, or the page of its end."""
    attempt = _attempt(sign_in_id)
    if attempt is None:
        return _outcome("unknown")
    if attempt.state == "password_change_required":
        return _to("sign_in.password", sign_in_id)
    if attempt.state == "approved":
        return _complete(sign_in_id)
    if attempt.state == "completed" and visitor() is not None:
        return _to("sign_in.done")
    left = _seconds_left(attempt)
    if attempt.state == "awaiting_factor" and left > 0:
        return page("sign_in/waiting.html", attempt=attempt, seconds=left, wanted=_wanted())
    return _outcome("expired" if attempt.state == "awaiting_factor" else attempt.state, attempt)


@journey.route("/sign-in/<uuid:sign_in_id>/password", methods=["GET", "POST"])
@guard(public)
@limited("sign_in", "POST")
def password(sign_in_id: UUID) -> Page:
    """The change that the issued password demands, before anything else."""
    attempt = _attempt(sign_in_id)
    if attempt is None or attempt.state != "password_change_required" or _seconds_left(attempt) <= 0:
        return _to("sign_in.progress", sign_in_id)
    fields = NewPasswordForm()
    if fields.validate_on_submit():
        with refused(fields), suppress(Conflict):  # it ended meanwhile: its page says how
            identity.change_issued_password(sign_in_id, digest(browser_token()), fields.new_password.data or "")
        if not fields.errors:
            return _to("sign_in.progress", sign_in_id)
    return page("sign_in/password.html", fields, attempt=attempt, least=SHORTEST_PASSWORD)


@journey.get("/sign-in/<uuid:sign_in_id>/events")
@guard(public)
def events(sign_in_id: UUID) -> Response:
    """Push the outcome to the waiting page."""
    attempt = _attempt(sign_in_id)
    if attempt is None:
        raise NotFound
    browser = digest(browser_token())

    def settled() -> bool:
        return identity.get_sign_in(sign_in_id, browser).state != "awaiting_factor"

    return push(SignInSettled, str(sign_in_id), until=attempt.expires_at, settled=settled)


@journey.post("/sign-in/<uuid:sign_in_id>/cancel")
@guard(public)
def cancel(sign_in_id: UUID) -> Page:
    """End the attempt from the browser; "not me" also warns the account's holder."""
    reason = "not_me" if request.form.get("reason") == "not_me" else "cancelled"
    try:
        identity.cancel_sign_in(sign_in_id, digest(browser_token()), reason)
    except (Conflict, NotFound):
        return _to("sign_in.progress", sign_in_id)
    return _to("sign_in.progress", sign_in_id) if reason == "not_me" else redirect(url_for("welcome.landing"))


@journey.get("/signed-in")
@guard(signed_in)
def done() -> Response:
    """The end of a successful sign-in, with the way into the portal."""
    answer = make_response(render_template("sign_in/done.html", onward=_wanted() or url_for("welcome.home")))
    if COOKIE not in request.cookies and the_visitor().language in LANGUAGES:
        set_language(answer, the_visitor().language)
    return answer


def _attempt(sign_in_id: UUID) -> SignInView | None:
    """The attempt, where it began in this browser."""
    browser = known_browser_token()
    if browser is None:
        return None
    try:
        return identity.get_sign_in(sign_in_id, digest(browser))
    except NotFound:
        return None


def _complete(sign_in_id: UUID) -> Page:
    token = new_token()
    try:
        identity.complete_sign_in(sign_in_id, digest(browser_token()), digest(token))
    except (Conflict, NotFound):
        # Another tab of this browser was faster, or the approval has been used up.
        return _to("sign_in.done") if visitor() is not None else _outcome("completed")
    begin_session(token)
    return _to("sign_in.done")


def _outcome(state: str, attempt: SignInView | None = None) -> Page:
    outcome = OUTCOMES.get(state, OUTCOMES["unavailable"])
    return render_template("sign_in/outcome.html", outcome=outcome, attempt=attempt, state=state), outcome.status


def _seconds_left(attempt: SignInView) -> int:
    return max(0, round((attempt.expires_at - datetime.now(UTC)).total_seconds()))


def _wanted() -> str | None:
    """The page that the person wanted before being asked to sign in."""
    return safe_next(request.args.get("next"))


def _to(endpoint: str, sign_in_id: UUID | None = None) -> Response:
    """Go on to another step and keep in mind what was wanted."""
    values: dict[str, Any] = {"sign_in_id": sign_in_id, "next": _wanted()}
    return redirect(url_for(endpoint, **{name: value for name, value in values.items() if value is not None}))
