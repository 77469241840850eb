"""One's own account: where one is signed in, the password, the language, signing out."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from gateway.clients.identity import identity
from gateway.faults import refused
from gateway.i18n import set_language
from gateway.portal import journey as journeys
from gateway.portal.account.forms import ChangePasswordForm, LanguageForm
from gateway.portal.journey import page
from gateway.portal.sign_in.forms import SHORTEST_PASSWORD
from gateway.security.cookies import forget_session
from gateway.security.guards import guard, public, signed_in
from gateway.security.session import principals, the_visitor, visitor
from libs.contracts.errors import NotFound, ServiceError, Unauthenticated

journey = journeys.new(__name__)
Page = tuple[str, int] | Response | str


@journey.get("/account")
@guard(signed_in)
def overview() -> Page:
    """Who one is here, and where one is signed in."""
    return page("account/overview.html", sessions=identity.list_sessions().items, me=identity.me())


@journey.post("/account/sessions/<uuid:session_id>/end")
@guard(signed_in)
def end_session(session_id: UUID) -> Page:
    """End one of the own sessions."""
    if session_id == the_visitor().session_id:
        return _leave()
    try:
        identity.end_session(session_id)
    except NotFound:
        return redirect(url_for("account.overview"))
    principals().forget(session_id)
    flash(_("That browser is signed out."), "good")
    return redirect(url_for("account.overview"))


@journey.route("/account/sessions/end-others", methods=["GET", "POST"])
@guard(signed_in)
def end_other_sessions() -> Page:
    """End all own sessions but this one, after asking."""
    if request.method == "POST":
        identity.end_other_sessions()
        flash(_("All other browsers are signed out."), "good")
        return redirect(url_for("account.overview"))
    return render_template(
        "base/confirm.html",
        heading=_("Sign out everywhere else?"),
        sentence=_("All other browsers and phones where you are signed in will have to sign in again."),
        label=_("Sign out everywhere else"),
        back=url_for("account.overview"),
    )


@journey.route("/account/password", methods=["GET", "POST"])
@guard(signed_in)
def password() -> Page:
    """Change the own password; the other sessions end."""
    fields = ChangePasswordForm()
    if fields.validate_on_submit():
        with refused(fields):
            identity.change_password(fields.current_password.data or "", fields.new_password.data or "")
            flash(_("The password is changed. All other browsers are signed out."), "good")
            return redirect(url_for("account.overview"))
    return page("account/password.html", fields, least=SHORTEST_PASSWORD)


@journey.route("/account/language", methods=["GET", "POST"])
@guard(signed_in)
def language() -> Page:
    """The language of mails and pages."""
    fields = LanguageForm(language=the_visitor().language)
    if fields.validate_on_submit():
        identity.set_language(fields.language.data)
        principals().forget_account(the_visitor().account_id)
        answer = redirect(url_for("account.overview"))
        set_language(answer, fields.language.data)  # type: ignore[arg-type]
        return answer
    return page("account/language.html", fields)


@journey.post("/sign-out")
@guard(public)
def sign_out() -> Page:
    """Sign out; harmless where one is not signed in."""
    return _leave() if visitor() is not None else redirect(url_for("welcome.landing"))


def _leave() -> Response:
    """End this session; the browser forgets it even where identity cannot be reached."""
    view = the_visitor()
    try:
        identity.end_session()
    except (NotFound, Unauthenticated):
        pass
    except ServiceError:
        flash(_("You are signed out here. The session ends by itself within the hour."), "warn")
        forget_session()
        return redirect(url_for("welcome.landing"))
    principals().forget(view.session_id)
    forget_session()
    flash(_("You are signed out."), "good")
    return redirect(url_for("welcome.landing"))
