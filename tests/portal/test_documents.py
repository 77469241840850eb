"""Files in and out."""

from io import BytesIO

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.security.guards import guard, public
from gateway.uploads import documents, keep_upload, large_body, limit_of_request, send_document
from libs.contracts.base import DocumentView
from libs.contracts.errors import NotFound
from tests.portal.support import Portal


def view(key: str, size: int) -> DocumentView:
    """A document as a service tells it."""
    return DocumentView(key=key, filename="Фактура 1.pdf", content_type="application/pdf", sha256="0" * 64, size=size)


def test_an_upload_is_kept_under_a_name_of_our_own(portal: Portal) -> None:
    with portal.app.test_request_context():
        stored = keep_upload(FileStorage(BytesIO(b"content"), filename="../../etc/passwd"))
        assert stored.key.startswith("uploads/")
        assert "passwd" not in stored.key
        assert documents().read(stored.key) == b"content"


def test_an_upload_beyond_its_limit_is_refused_and_not_kept(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_UPLOAD_LIMIT="10")
    with portal.app.test_request_context(), pytest.raises(RequestEntityTooLarge):
        keep_upload(FileStorage(BytesIO(b"x" * 11), filename="a.xml"))


def test_a_document_goes_out_whole_under_its_own_name(portal: Portal) -> None:
    with portal.app.test_request_context():
        stored = documents().put("orders/invoices/1.pdf", b"%PDF" * 1000)
        answer = send_document(view(stored.key, stored.size))
        assert answer.get_data() == b"%PDF" * 1000
        assert answer.mimetype == "application/pdf"
        assert "filename*=UTF-8''%D0%A4" in answer.headers["Content-Disposition"]


def test_a_document_that_is_not_there_yet_is_not_found(portal: Portal) -> None:
    with portal.app.test_request_context(), pytest.raises(NotFound):
        send_document(view("orders/invoices/2.pdf", 1))


def test_only_a_route_that_says_so_takes_a_large_body(portal: Portal) -> None:
    @guard(public)
    @large_body("upload_limit")
    def upload() -> str:
        return ""

    app: Flask = portal.app
    app.view_functions["welcome.landing"] = upload
    with app.test_request_context("/"):
        assert limit_of_request() == 64 * 1024 * 1024
    with app.test_request_context("/how-to-register"):
        assert limit_of_request() is None
