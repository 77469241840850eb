"""The push provider's simulator keeps to the provider's published rules."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.simulators.push_app.app import create_app
from tests.simulators.push_app.authorization import expected_header
from tests.simulators.push_app.postman import Postman
from tests.simulators.push_app.provider import Provider

PHONE = "+359880000000"
API_KEY = "00000000-1111-2222-3333-444444444444"
VENDOR = "SIMVENDOR0000001"


@dataclass
class Vendor:
    """Somebody with the API key."""

    client: FlaskClient
    provider: Provider

    def ask(self, path: str, **fields: Any) -> TestResponse:
        return self.ask_raw(path, json.dumps({"vendorNumber": VENDOR, **fields}).encode())

    def ask_raw(self, path: str, body: bytes, header: str | None = None) -> TestResponse:
        signature = expected_header(API_KEY, body) if header is None else header
        return self.client.post("/vendor" + path, data=body, headers={"Authorization": signature})

    def push(self, **changes: Any) -> dict[str, Any]:
        response = self.ask("/document/auth/online", **approval(**changes))
        assert response.status_code == 200, response.text
        return dict(response.json or {})

    def status(self, transaction_id: object) -> TestResponse:
        return self.ask("/document/status", transactionID=transaction_id)

    def manage(self, method: str, path: str, /, **fields: Any) -> TestResponse:
        return self.client.open("/manage" + path, method=method, json=fields)


def approval(*, expires_in: int = 300, phone: str = PHONE, **changes: Any) -> dict[str, Any]:
    return {
        "document": {"description": "Licentia, code 47", "dateExpire": int(time.time()) + expires_in},
        "signInfo": {"algorithm": "SHA256"},
        "user": {"phone": phone},
        "publicKey": "LS0t",
        **changes,
    }


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    provider = Provider(VENDOR, API_KEY)
    provider.register(PHONE, "2580")
    app = create_app(provider, Postman(provider))
    yield Vendor(app.test_client(), provider)
    provider.release_hanging()


@pytest.mark.parametrize(
    ("key", "body", "header"),
    [
        (
            "7f4b9ef3-298d-4ced-8656-a5d8b7f96666",
            b'{"vendorNumber":"ahZsmRHbDHL6TeED","user":{"identificationNumber":"8611048980"}}',
            "5a90fc151ff466434e615f1a6aac28228e8607d900b8f9129e8bfa919cff5140",
        ),
        (
            API_KEY,
            b'{"vendorNumber":"SIMVENDOR0000001","user":{"phone":"+359880000000"}}',
            "04debe9e5cff7a85e029ffdfc8dff84b9b88961c7ea0af4fc90c94959802cc38",
        ),
        (
            API_KEY,
            b'{"vendorNumber": "SIMVENDOR0000001", "user": {"phone": "+359880000000"}}',
            "bd84f1724c0b3d79255af15e75fece4e2ae37f2b00d89b5c52e51c6387e14927",
        ),
    ],
)
def test_a_published_signature_is_reproduced(key: str, body: bytes, header: str) -> None:
    assert expected_header(key, body) == header


def test_a_signature_over_other_bytes_is_refused_with_401(vendor: Vendor) -> None:
    spaced = json.dumps({"vendorNumber": VENDOR, "user": {"phone": PHONE}}).encode()
    dense = spaced.replace(b" ", b"")
    response = vendor.ask_raw("/user/check", spaced, expected_header(API_KEY, dense))
    assert (response.status_code, response.text) == (401, "Unauthorized")


def test_a_foreign_vendor_number_is_refused(vendor: Vendor) -> None:
    body = json.dumps({"vendorNumber": "SOMEBODYELSE0000", "user": {"phone": PHONE}}).encode()
    assert vendor.ask_raw("/user/check", body).status_code == 401


def test_a_person_is_found_with_204_and_missed_with_438(vendor: Vendor) -> None:
    assert vendor.ask("/user/check", user={"phone": PHONE}).status_code == 204
    missed = vendor.ask("/user/check", user={"phone": "+359880000009"})
    assert (missed.status_code, missed.text) == (438, "User not found")


def test_the_extended_check_answers_200_with_zeros_for_a_stranger(vendor: Vendor) -> None:
    answer = vendor.ask("/user/check/extended", user={"phone": "+359880000009"})
    assert answer.status_code == 200
    assert set((answer.json or {}).values()) == {0}
    assert (answer.json or {})["isRegistered"] is not False  # numbers, not booleans


def test_the_old_key_set_with_booleans_can_be_asked_for(vendor: Vendor) -> None:
    vendor.manage("PATCH", "/behaviour", key_set="1.0.154", flag_style="boolean")
    answer = vendor.ask("/user/check/extended", user={"phone": PHONE}).json or {}
    assert answer["isRegistered"] is True
    assert "isReadyToSign" not in answer


def test_two_identifiers_at_once_are_refused_by_the_old_version_only(vendor: Vendor) -> None:
    vendor.manage("PUT", f"/phones/{PHONE}", email="a@example.org")
    both = {"phone": PHONE, "email": "a@example.org"}
    assert vendor.ask("/user/check", user=both).status_code == 204
    vendor.manage("PATCH", "/behaviour", key_set="1.0.154")
    assert vendor.ask("/user/check", user=both).status_code == 400


def test_an_unconfirmed_address_finds_nobody(vendor: Vendor) -> None:
    vendor.manage("PUT", f"/phones/{PHONE}", email="a@example.org", email_confirmed=False)
    assert vendor.ask("/user/check", user={"email": "a@example.org"}).status_code == 438


def test_ids_have_the_provider_s_shape(vendor: Vendor) -> None:
    ids = vendor.push()
    assert len(ids["transactionID"]) == 12
    assert ids["transactionID"].isdigit()
    assert len(ids["threadID"]) == 12
    assert set(ids["threadID"]) <= set("0123456789ABCDEF")


# a number that is the same in every test process, and far in the future if taken for seconds
IN_MILLISECONDS = 1_800_000_000_000


@pytest.mark.parametrize("expires", [0, -5, 1_000_000_000, IN_MILLISECONDS, True, "tomorrow", None])
def test_a_past_or_impossible_expiry_is_refused(vendor: Vendor, expires: object) -> None:
    document = {"description": "x", "dateExpire": expires}
    assert vendor.ask("/document/auth/online", **approval(document=document)).status_code == 400


@pytest.mark.parametrize("missing", ["document", "signInfo", "user", "publicKey"])
def test_a_push_without_a_demanded_field_is_refused(vendor: Vendor, missing: str) -> None:
    fields = {key: value for key, value in approval().items() if key != missing}
    assert vendor.ask("/document/auth/online", **fields).status_code == 400


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(vendor: Vendor, body: bytes) -> None:
    assert vendor.ask_raw("/document/status", body).status_code == 400


def test_a_push_to_a_stranger_is_438(vendor: Vendor) -> None:
    assert vendor.ask("/document/auth/online", **approval(phone="+359880000009")).status_code == 438


@pytest.mark.parametrize(
    ("deed", "status"),
    [
        ("approve", 2),
        ("refuse", 3),
        ("expire", 4),
        ("fail", 5),
        ("withdraw", 6),
        ("undeliverable", 7),
        ("fail_face_check", 8),
        ("hold", 99),
    ],
)
def test_every_end_has_its_code(vendor: Vendor, deed: str, status: int) -> None:
    transaction_id = vendor.push()["transactionID"]
    assert (vendor.status(transaction_id).json or {})["status"] == 1
    assert vendor.manage("POST", f"/pushes/{transaction_id}/{deed}").status_code == 200
    assert (vendor.status(transaction_id).json or {})["status"] == status


def test_a_settled_push_stays_as_it_is(vendor: Vendor) -> None:
    transaction_id = vendor.push()["transactionID"]
    vendor.manage("POST", f"/pushes/{transaction_id}/refuse")
    assert vendor.manage("POST", f"/pushes/{transaction_id}/approve").status_code == 409
    assert (vendor.status(transaction_id).json or {})["status"] == 3


def test_a_held_push_can_return_and_be_approved(vendor: Vendor) -> None:
    transaction_id = vendor.push()["transactionID"]
    for deed in ("hold", "resume", "approve"):
        assert vendor.manage("POST", f"/pushes/{transaction_id}/{deed}").status_code == 200
    assert (vendor.status(transaction_id).json or {})["status"] == 2


def test_a_push_expires_by_the_provider_s_clock(vendor: Vendor) -> None:
    transaction_id = vendor.push()["transactionID"]
    vendor.manage("PUT", "/clock", offset_seconds=301)
    assert (vendor.status(transaction_id).json or {})["status"] == 4
    assert vendor.manage("POST", f"/pushes/{transaction_id}/approve").status_code == 409


def test_withdrawal_goes_by_thread_and_tells_three_outcomes(vendor: Vendor) -> None:
    first, second = vendor.push(), vendor.push()
    vendor.manage("POST", f"/pushes/{second['transactionID']}/approve")
    assert vendor.ask("/document/withdraw", threadID=first["threadID"]).json == {"status": 1}
    assert vendor.ask("/document/withdraw", threadID=first["threadID"]).json == {"status": 3}
    assert vendor.ask("/document/withdraw", threadID=second["threadID"]).json == {"status": 2}
    assert vendor.ask("/document/withdraw", threadID="000000000000").status_code == 443


def test_a_fresh_document_is_unknown_and_a_signed_one_being_processed_for_as_long_as_asked(vendor: Vendor) -> None:
    vendor.manage("PATCH", "/behaviour", unknown_seconds=10, processing_seconds=20)
    transaction_id = vendor.push()["transactionID"]
    early = vendor.status(transaction_id)
    assert (early.status_code, early.text) == (443, "Document not found")
    vendor.manage("PUT", "/clock", offset_seconds=11)
    vendor.manage("POST", f"/pushes/{transaction_id}/approve")
    assert vendor.status(transaction_id).json == {"status": 2, "isProcessing": 1, "rejectReason": None}
    vendor.manage("PUT", "/clock", offset_seconds=40)
    assert vendor.status(transaction_id).json == {"status": 2, "isProcessing": 0, "rejectReason": None}


def test_the_thread_tells_its_transactions(vendor: Vendor) -> None:
    ids = vendor.push()
    answer = vendor.ask("/document/thread/status", threadID=ids["threadID"]).json or {}
    assert answer["statuses"][0]["documents"][0]["transactionID"] == ids["transactionID"]


def test_the_version_needs_no_signature(vendor: Vendor) -> None:
    assert vendor.client.post("/vendor/version/get").json == {"environment": "simulator", "version": "2025"}


def test_a_planned_failure_happens_as_often_as_planned(vendor: Vendor) -> None:
    vendor.manage("POST", "/faults", path="/user/check", times=2, status=502, body="<html>", content_type="text/html")
    outcomes = [vendor.ask("/user/check", user={"phone": PHONE}).status_code for _ in range(3)]
    assert outcomes == [502, 502, 204]


def test_a_failure_after_the_deed_leaves_the_push_on_the_phone(vendor: Vendor) -> None:
    vendor.manage("POST", "/faults", path="/document/auth", after=True, status=504)
    assert vendor.ask("/document/auth/online", **approval()).status_code == 504
    assert len(vendor.manage("GET", "/pushes?phone=0880000000&open=1").json or []) == 1
    assert vendor.manage("GET", "/pushes?phone=0880000009&open=1").json == []


def test_the_history_hides_personal_data(vendor: Vendor) -> None:
    vendor.ask("/user/check", user={"phone": PHONE})
    history = vendor.manage("GET", "/requests").json or []
    assert history[0]["body"]["user"]["phone"] == "***********00"
    assert history[0]["status"] == 204
    assert PHONE not in json.dumps(history)


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("PATCH", "/behaviour", {"colour": "red"}),
        ("POST", "/faults", {"colour": "red"}),
        ("PUT", "/phones/nonsense", {}),
        ("PUT", f"/phones/{PHONE}", {"colour": "red"}),
        ("PUT", f"/phones/{PHONE}", {"access_code": "12"}),
    ],
)
def test_management_names_what_it_does_not_understand(
    vendor: Vendor, method: str, path: str, fields: dict[str, Any]
) -> None:
    response = vendor.manage(method, path, **fields)
    assert response.status_code == 400
    assert (response.json or {})["error"]
