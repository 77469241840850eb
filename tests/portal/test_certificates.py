"""Certificates: looking at one, downloading it, checking it, revoking it."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.certificates import CertificatesClient
from libs.contracts.certificates import CertificateCheck
from libs.contracts.errors import Conflict, NotFound
from tests.portal.fakes import principal
from tests.portal.support import Portal
from tests.portal.views import NOW, StandIn, certificate, text

NUMBER = "C-2026-00042-7"


def register(portal: Portal, **answers: Any) -> StandIn:
    """The portal with this behaviour of the certificates service."""
    stand_in = StandIn(**answers)
    portal.answers(CertificatesClient, stand_in)
    return stand_in


@pytest.mark.story("INS-36", "INS-38", "INS-42")
@pytest.mark.parametrize("role", ["member", "manager"])
def test_a_certificate_is_looked_at_and_downloaded(portal: Portal, role: str) -> None:
    found = certificate()
    assert found.document is not None
    portal.app.extensions["documents"].put(found.document.key, b"%PDF")
    register(portal, get_certificate=found)
    visitor = portal.signed_in(principal(role))
    page = visitor.open(f"/certificates/{NUMBER}")
    assert page.heading == f"Certificate {NUMBER}"
    for words in ("Анна Петрова", "Introduction for new staff", "6:00", "Module 1", "Valid"):
        assert words in page.text
    links = page.links("main")
    assert links["Download (PDF)"] == f"/certificates/{NUMBER}.pdf"
    assert links["the check page"] == "/certificates/check/7K4M2Q9X"
    assert "Revoke" not in links
    answer = visitor.client.get(links["Download (PDF)"])
    assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF")


@pytest.mark.story("INS-37", "INS-39")
@pytest.mark.parametrize("path", [f"/certificates/{NUMBER}", f"/certificates/{NUMBER}.pdf"])
def test_a_certificate_that_is_not_ones_business_is_not_there(portal: Portal, path: str) -> None:
    register(portal, get_certificate=NotFound())
    for role in ("member", "manager"):
        page = portal.signed_in(principal(role)).open(path, status=404)
        assert page.heading == "We could not find this page"
        assert NUMBER not in page.text
    assert portal.visitor().open(path).heading == "Sign in"


def test_a_certificate_whose_document_is_being_made_says_so(portal: Portal) -> None:
    register(portal, get_certificate=certificate(document=None))
    visitor = portal.signed_in(principal("member"))
    assert "The document is being made." in visitor.open(f"/certificates/{NUMBER}").text
    visitor.open(f"/certificates/{NUMBER}.pdf", status=404)


def test_a_revoked_certificate_shows_when_and_why(portal: Portal) -> None:
    register(portal, get_certificate=certificate(state="revoked", revoked_at=NOW, revocation_reason="fraud"))
    page = portal.signed_in(principal("clerk")).open(f"/certificates/{NUMBER}")
    assert "Revoked" in page.text
    assert "Fraud" in page.text
    assert page.buttons() == ["Download (PDF)"]


def test_a_clerk_revokes_with_a_reason_after_one_question(portal: Portal) -> None:
    stand_in = register(portal, get_certificate=certificate(), revoke_certificate=certificate(state="revoked"))
    visitor = portal.signed_in(principal("clerk"))
    page = visitor.open(visitor.open(f"/certificates/{NUMBER}").links("main")["Revoke"])
    assert page.heading == f"Revoke certificate {NUMBER}?"
    page = visitor.send(page, {"reason": "holder_request"})
    assert f"Certificate {NUMBER} is revoked." in page.text
    assert stand_in.told("revoke_certificate") == [((NUMBER, "holder_request"), {})]


@pytest.mark.parametrize("fields", [{}, {"reason": ""}, {"reason": "bad_mood"}])
def test_a_revocation_without_a_reason_is_told_at_the_reasons(portal: Portal, fields: dict[str, str]) -> None:
    stand_in = register(portal, get_certificate=certificate())
    visitor = portal.signed_in(principal("admin"))
    page = visitor.send(visitor.open(f"/certificates/{NUMBER}/revoke"), fields, status=422)
    assert page.links("#faults") == {"Choose the reason.": "#reason"}
    reasons = page.one("#reason")
    assert page.one(f"#{reasons['aria-describedby']}").get_text() == "Choose the reason."
    assert stand_in.told("revoke_certificate") == []


def test_a_certificate_revoked_by_somebody_else_meanwhile_is_told(portal: Portal) -> None:
    register(portal, get_certificate=certificate(), revoke_certificate=Conflict("changed_meanwhile"))
    visitor = portal.signed_in(principal("clerk"))
    page = visitor.send(visitor.open(f"/certificates/{NUMBER}/revoke"), {"reason": "fraud"})
    assert "Somebody else changed this at the same moment." in page.text


@pytest.mark.parametrize("role", ["member", "manager", "finance", "official"])
def test_others_revoke_nothing(portal: Portal, role: str) -> None:
    register(portal, get_certificate=certificate())
    portal.signed_in(principal(role)).open(f"/certificates/{NUMBER}/revoke", status=403)


CHECKED: dict[str, Any] = {
    "number": NUMBER,
    "holder": "Анна Петрова",
    "training": text("Introduction for new staff"),
    "minutes": 360,
    "issued_on": date(2026, 3, 2),
    "issuer": "Example Training Centre",
}


@pytest.mark.parametrize(
    ("check", "heading", "words"),
    [
        (CertificateCheck(state="valid", **CHECKED), "This certificate is valid", "6:00"),
        (
            CertificateCheck(state="revoked", revoked_on=date(2026, 4, 1), **CHECKED),
            "This certificate is revoked",
            "1 April 2026",
        ),
        (CertificateCheck(state="unknown"), "There is no such certificate", "Look at the code again."),
    ],
)
def test_a_stranger_checks_a_certificate(portal: Portal, check: CertificateCheck, heading: str, words: str) -> None:
    stand_in = register(portal, check_certificate=check)
    visitor = portal.visitor()
    page = visitor.open("/certificates/check")
    page = visitor.open("/certificates/check?code=%207K4M2Q9X%20")
    assert page.path == "/certificates/check/7K4M2Q9X"
    assert page.heading == heading
    assert words in page.text
    assert stand_in.told("check_certificate") == [(("7K4M2Q9X",), {})]


def test_a_code_of_any_shape_is_only_text(portal: Portal) -> None:
    stand_in = register(portal, check_certificate=CertificateCheck(state="unknown"))
    visitor = portal.visitor()
    page = visitor.open("/certificates/check/" + "%3Cscript%3E" * 30)
    assert page.heading == "There is no such certificate"
    assert len(stand_in.told("check_certificate")[0][0][0]) == 60
    assert visitor.open("/certificates/check?code=%20").heading == "Check a certificate"


def test_guessing_codes_is_slowed_down(make_portal) -> None:  # type: ignore[no-untyped-def]
    portal: Portal = make_portal(GATEWAY_CHECKS_PER_MINUTE="3")
    register(portal, check_certificate=CertificateCheck(state="unknown"))
    visitor = portal.visitor()
    statuses = [visitor.client.get(f"/certificates/check/{uuid4()}").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    register(portal, get_certificate=certificate(), check_certificate=CertificateCheck(state="valid", **CHECKED))
    visitor = portal.signed_in(principal("admin"), "bg")
    for path in (f"/certificates/{NUMBER}", f"/certificates/{NUMBER}/revoke", "/certificates/check/7K4M2Q9X",
                 "/certificates/check"):  # fmt: skip
        visitor.open(path)
