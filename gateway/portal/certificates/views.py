"""Certificates: looking at one, downloading it, checking it, revoking it."""

from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from gateway.clients.certificates import certificates
from gateway.faults import sentence_of
from gateway.portal import journey as journeys
from gateway.portal.journey import page
from gateway.security.guards import guard, public, role, signed_in
from gateway.security.rate_limit import limited
from gateway.uploads import send_document
from libs.contracts.errors import Conflict, NotFound

journey = journeys.new(__name__)
Page = tuple[str, int] | Any

REASONS = {
    "issued_in_error": _l("Issued in error"),
    "fraud": _l("Fraud"),
    "holder_request": _l("At the holder's request"),
    "training_annulled": _l("The training was annulled"),
}


@journey.get("/certificates/check")
@guard(public)
@limited("check")
def check() -> Page:
    """Type the code of a certificate."""
    code = request.args.get("code", "").strip()
    if code:
        return redirect(url_for("certificates.checked", code=code[:60]))
    return page("certificates/check.html")


@journey.get("/certificates/check/<code>")
@guard(public)
@limited("check")
def checked(code: str) -> Page:
    """Whether a certificate is valid: what its QR code opens."""
    found = certificates.check_certificate(code[:60])
    return page("certificates/checked.html", check=found, reasons=REASONS)


@journey.get("/certificates/<number>")
@guard(signed_in)
def show(number: str) -> Page:
    """A certificate with its data."""
    return page("certificates/show.html", certificate=certificates.get_certificate(number), reasons=REASONS)


@journey.get("/certificates/<number>.pdf")
@guard(signed_in)
def download(number: str) -> Response:
    """The certificate as PDF."""
    document = certificates.get_certificate(number).document
    if document is None:
        raise NotFound("document_missing", "The document is not ready yet.")
    return send_document(document, inline=True)


@journey.route("/certificates/<number>/revoke", methods=["GET", "POST"])
@guard(role("clerk", "admin"))
def revoke(number: str) -> Page:
    """Withdraw a certificate for good, asked once with the reason."""
    found = certificates.get_certificate(number)
    reason = request.form.get("reason", "")
    if request.method == "POST" and reason in REASONS:
        try:
            certificates.revoke_certificate(number, reason)
        except Conflict as error:
            flash(sentence_of(error), "warn")
        else:
            flash(_("Certificate %(number)s is revoked.", number=number), "good")
        return redirect(url_for("certificates.show", number=number))
    return page("certificates/revoke.html", certificate=found, reasons=REASONS, faulty=request.method == "POST")
