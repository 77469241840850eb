"""The provider's answers come in several shapes; what cannot be understood proves nothing."""

from typing import Any

import pytest

from services.mfa.adapters import reading
from services.mfa.adapters.push import Answer, Finding, Receipt, Standing, Unknown

READY: dict[str, Any] = {
    "isRegistered": 1,
    "isIdentified": 1,
    "isRejected": 0,
    "isSupervised": 1,
    "isReadyToSign": 1,
    "hasConfirmedPhone": 1,
    "hasConfirmedEmail": 0,
    "rejectReason": 0,
}


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (True, True),
        (1, True),
        ("1", True),
        ("true", True),
        (False, False),
        (0, False),
        ("0", False),
        ("False", False),
        (None, None),
        (2, None),
        ("yes", None),
        ([], None),
    ],
)
def test_yes_and_no_come_as_booleans_numbers_or_text(value: object, meant: bool | None) -> None:
    assert reading.flag(value) is meant


@pytest.mark.parametrize(("value", "meant"), [(3, 3), ("3", 3), (" 99 ", 99), (True, None), (None, None), ("x", None)])
def test_numbers_come_as_numbers_or_text(value: object, meant: int | None) -> None:
    assert reading.number(value) == meant


@pytest.mark.story("MON-03")
@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, Standing.READY),
        ({"isRegistered": 0}, Standing.NOT_REGISTERED),
        ({"isRegistered": False}, Standing.NOT_REGISTERED),
        ({"hasConfirmedPhone": 0}, Standing.NOT_REGISTERED),
        ({"isIdentified": 0}, Standing.NOT_IDENTIFIED),
        ({"isReadyToSign": 0}, Standing.NOT_READY),
        ({"isRejected": 1}, Standing.NOT_READY),
        ({"isSupervised": 0}, Standing.READY),
        ({"unheardOf": {"deep": []}}, Standing.READY),
    ],
)
def test_a_person_is_ready_only_when_every_flag_says_so(changes: dict[str, Any], standing: Standing) -> None:
    assert reading.read_standing({**READY, **changes}) == standing


def test_the_older_set_of_keys_is_enough() -> None:
    old = dict.fromkeys(
        ("isRegistered", "isIdentified", "isSupervised", "hasConfirmedPhone", "hasConfirmedEmail"), True
    )
    assert reading.read_standing(old) == Standing.READY


@pytest.mark.parametrize("data", [{}, {"isIdentified": 1}, {"isRegistered": "maybe"}])
def test_an_answer_without_the_decisive_flag_proves_nothing(data: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        reading.read_standing(data)


@pytest.mark.parametrize("transaction_id", ["508180755167", 508180755167])
def test_a_transaction_s_id_is_text_or_a_number(transaction_id: object) -> None:
    receipt = reading.read_receipt({"transactionID": transaction_id, "threadID": "717E5CE5D1E6"})
    assert receipt == Receipt(transaction_id="508180755167", thread_id="717E5CE5D1E6")


@pytest.mark.parametrize("transaction_id", [None, "", True, "../x", "a" * 65, {}, 1.5])
def test_a_receipt_without_a_usable_id_is_no_receipt(transaction_id: object) -> None:
    with pytest.raises(Unknown):
        reading.read_receipt({"transactionID": transaction_id, "threadID": "717E5CE5D1E6"})


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (1, Answer.WAITING),
        (2, Answer.APPROVED),
        (3, Answer.REFUSED),
        (4, Answer.EXPIRED),
        (5, Answer.FAILED),
        (6, Answer.WITHDRAWN),
        (7, Answer.UNDELIVERABLE),
        (8, Answer.WRONG_FACE),
        (99, Answer.WAITING),
        ("2", Answer.APPROVED),
    ],
)
def test_every_code_of_the_provider_has_our_word(status: object, answer: Answer) -> None:
    finding = reading.read_finding({"status": status, "isProcessing": 0, "rejectReason": None})
    assert finding == Finding(answer=answer, status=int(str(status)), reject_reason=None)


@pytest.mark.parametrize("processing", [1, True, "1"])
def test_signed_but_still_being_processed_is_waiting(processing: object) -> None:
    assert reading.read_finding({"status": 2, "isProcessing": processing}).answer == Answer.WAITING


@pytest.mark.parametrize("data", [{}, {"status": None}, {"status": True}, {"status": "signed"}, {"status": 42}])
def test_an_unknown_code_is_neither_approval_nor_refusal(data: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        reading.read_finding(data)
