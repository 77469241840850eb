"""``/certificates``: reading and downloading, and the public check as data."""

from flask import Response

from gateway.api.v1.rim import Resource
from gateway.clients.certificates import certificates
from gateway.security.guards import guard, public, signed_in
from gateway.security.rate_limit import limited
from gateway.uploads import send_document
from libs.contracts.certificates import CertificateCheck, CertificateView
from libs.contracts.errors import NotFound

blueprint = Resource("api_certificates", __name__, url_prefix="/certificates", description="Certificates")

PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@blueprint.route("/<number>", methods=["GET"])
@guard(signed_in)
@blueprint.gives(CertificateView)
def read(number: str) -> CertificateView:
    """One certificate: one's own, one of one's organisation, or any for staff."""
    return certificates.get_certificate(number)


@blueprint.route("/<number>.pdf", methods=["GET"])
@guard(signed_in)
@blueprint.doc(responses={"200": {"description": "The certificate", "content": PDF}})
def download(number: str) -> Response:
    """The certificate as PDF."""
    view = certificates.get_certificate(number)
    if view.document is None:
        raise NotFound("document_missing", "The document is not ready yet.")
    return send_document(view.document, inline=True)


@blueprint.route("/check/<code>", methods=["GET"])
@guard(public)
@limited("check")
@blueprint.gives(CertificateCheck)
@blueprint.doc(security=[])
def check(code: str) -> CertificateCheck:
    """Whether a certificate is valid, for anyone who holds its code."""
    return certificates.check_certificate(code)
