"""What the provider can do wrong, and what becomes of the sign-in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.evrotrust import Evrotrust, alarms
from tests.integration.mfa.desk import Desk, settings_for
from tests.simulators.push_app.behaviour import Behaviour
from tests.simulators.push_app.provider import Status

ISSUED = ["challenge_issued"]
Play = Callable[[Desk], None]

CHECK, SEND, LOOK = "/user/check/extended", "/document/auth/online", "/document/status"


def answered(status: int) -> Play:
    return lambda desk: (desk.answer(status), None)[1]


def failing(path: str, **fault: Any) -> Play:
    return lambda desk: desk.fail(path=path, **fault)


# --- after the push went out ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.SIGNED, ["challenge_approved"]),
        (Status.REJECTED, ["challenge_rejected"]),
        (Status.EXPIRED, ["challenge_expired"]),
        (Status.FAILED, ["challenge_unavailable"]),
        (Status.WITHDRAWN, ["challenge_unavailable"]),
        (Status.UNDELIVERABLE, ["challenge_unavailable"]),
        (Status.FAILED_FACE_RECOGNITION, ["challenge_rejected"]),
        (Status.ON_HOLD, []),
        (42, []),
    ],
)
def test_every_status_of_the_provider_has_its_outcome(desk: Desk, status: int, told: list[str]) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(status)
    desk.run(10)
    assert desk.told(sign_in) == ISSUED + told


@pytest.mark.parametrize("status", [Status.ON_HOLD, 42])
def test_what_is_held_or_not_understood_waits_for_the_deadline(desk: Desk, status: int) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(status)
    desk.run(301, every=7)
    assert desk.told(sign_in) == [*ISSUED, "challenge_expired"]


def test_a_held_push_can_still_be_approved(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.ON_HOLD)
    desk.run(10)
    desk.answer(Status.SIGNED)
    desk.run(3)
    assert desk.told(sign_in) == [*ISSUED, "challenge_approved"]


def test_signed_but_still_being_processed_counts_as_waiting(desk: Desk) -> None:
    desk.push_app.provider.behaviour = Behaviour(processing_seconds=10)
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.run(6)
    assert desk.told(sign_in) == ISSUED
    desk.run(6)
    assert desk.told(sign_in) == [*ISSUED, "challenge_approved"]


def test_a_fresh_transaction_that_is_not_found_yet_is_waited_for(desk: Desk) -> None:
    desk.push_app.provider.behaviour = Behaviour(unknown_seconds=20)
    sign_in = desk.begin()
    desk.ask()
    desk.run(15)
    assert desk.told(sign_in) == ISSUED
    desk.answer(Status.SIGNED)
    desk.run(12)
    assert desk.told(sign_in) == [*ISSUED, "challenge_approved"]


def test_a_transaction_never_found_is_given_up_after_fifteen_looks(desk: Desk) -> None:
    desk.push_app.provider.behaviour = Behaviour(unknown_seconds=1_000)
    sign_in = desk.begin()
    desk.ask()
    desk.run(60)
    assert desk.told(sign_in) == [*ISSUED, "challenge_unavailable"]
    assert desk.asked(LOOK) == 15


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "body": "<html>down</html>", "content_type": "text/html"},
        {"status": 302, "body": ""},
        {"status": 204, "body": ""},
        {"status": 200, "body": "<html>a portal page</html>", "content_type": "text/html"},
        {"status": 200, "body": "[1, 2]", "content_type": "application/json"},
        {"status": 200, "body": '{"status": "signed"}', "content_type": "application/json"},
        {"status": 200, "body": '{"status": 2, "isProcessing": 1}', "content_type": "application/json"},
        {"status": 200, "body": "9" * 100_000, "content_type": "application/json"},
        {"status": 469, "body": "Cannot be processed"},
        {"delay_seconds": 2.0, "status": 200, "body": '{"status": 2}'},
    ],
    ids=lambda fault: f"{fault['status']}-{fault.get('body', '')[:16]}",
)
def test_no_proper_answer_is_neither_approval_nor_refusal(desk: Desk, fault: dict[str, Any]) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.fail(path=LOOK, times=2, **fault)
    desk.answer(Status.SIGNED)
    desk.look()
    assert desk.told(sign_in) == ISSUED
    desk.run(12)
    assert desk.told(sign_in) == [*ISSUED, "challenge_approved"]


def test_a_provider_that_stays_silent_lets_the_sign_in_expire(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.fail(path="/", times=-1, status=503)
    desk.run(301, every=7)
    assert desk.told(sign_in) == [*ISSUED, "challenge_expired"]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(flag_style="boolean"),
        Behaviour(key_set="1.0.154"),
        Behaviour(transaction_id_style="integer"),
        Behaviour(extra_keys=True),
        Behaviour(flag_style="boolean", key_set="1.0.154", transaction_id_style="integer", extra_keys=True),
    ],
    ids=["boolean flags", "older keys", "numeric ids", "extra keys", "all at once"],
)
def test_every_shape_of_a_good_answer_leads_to_an_approval(desk: Desk, behaviour: Behaviour) -> None:
    desk.push_app.provider.behaviour = behaviour
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    desk.run(3)
    assert desk.told(sign_in) == [*ISSUED, "challenge_approved"]


# --- before and while the push goes out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("play", "told", "sends"),
    [
        (failing(CHECK, times=1, status=503), ["challenge_issued"], 1),
        (failing(CHECK, times=-1, status=503), ["challenge_unavailable"], 0),
        (failing(CHECK, times=-1, delay_seconds=2.0), ["challenge_unavailable"], 0),
        (failing(CHECK, times=-1, status=200, body="{}"), ["challenge_unavailable"], 0),
        (failing(CHECK, times=-1, status=400, body="Invalid input data"), ["challenge_unavailable"], 0),
        (failing(CHECK, times=-1, status=438, body="User not found"), ["factor_missing"], 0),
        (failing(CHECK, times=-1, status=469, body="Cannot be processed"), ["challenge_unavailable"], 0),
        (failing(SEND, times=-1, status=438, body="User not found"), ["factor_missing"], 1),
        (failing(SEND, times=-1, status=400, body="Invalid input data"), ["challenge_unavailable"], 1),
        (failing(SEND, times=-1, status=454, body="Incorrect coverage"), ["challenge_unavailable"], 1),
        (failing(SEND, times=-1, status=469, body="Cannot be processed"), ["challenge_unavailable"], 1),
        (failing(SEND, times=-1, status=500), ["challenge_unavailable"], 1),
        (failing(SEND, times=-1, status=200, body="{}", after=True), ["challenge_unavailable"], 1),
        (failing(SEND, times=-1, delay_seconds=2.0, after=True), ["challenge_unavailable"], 1),
    ],
    ids=[
        "check fails once",
        "check always fails",
        "check times out",
        "check answers nonsense",
        "check is refused",
        "check says nobody",
        "check says later",
        "send says nobody",
        "send is refused",
        "send says coverage",
        "send says later",
        "send fails",
        "send loses its receipt",
        "send times out",
    ],
)
def test_a_push_is_tried_once_and_its_failure_told_once(desk: Desk, play: Play, told: list[str], sends: int) -> None:
    play(desk)
    sign_in = desk.begin()
    desk.run(10)
    assert desk.told(sign_in) == told
    assert desk.asked(SEND) == sends


def test_nobody_listening_at_the_provider_s_address_is_unavailable(desk: Desk) -> None:
    settings = settings_for(desk.push_app, MFA_PUSH_URL="http://127.0.0.1:9/vendor")
    desk.provider = Evrotrust(settings, Circuit(limit=50))
    sign_in = desk.begin()
    desk.run(5)
    assert desk.told(sign_in) == ["challenge_unavailable"]


def test_a_push_whose_receipt_was_lost_is_not_followed_by_another_while_it_may_lie_on_the_phone(desk: Desk) -> None:
    desk.fail(path=SEND, times=1, status=504, after=True)
    first = desk.begin()
    desk.run(3)
    second = desk.begin()
    desk.run(3)
    assert desk.told(first) == ["challenge_unavailable"]
    assert desk.told(second) == ["challenge_withheld"]
    assert len(desk.pushes()) == 1
    assert desk.told_of("challenge_withheld")["retry_at"] == _wire(desk.challenge(first).expires_at)
    desk.pass_time(timedelta(minutes=5))
    third = desk.begin()
    desk.run(3)
    assert desk.told(third) == ISSUED


def test_an_approval_of_a_push_whose_receipt_was_lost_lets_nobody_in(desk: Desk) -> None:
    desk.fail(path=SEND, times=1, status=504, after=True)
    sign_in = desk.begin()
    desk.run(2)
    desk.answer(Status.SIGNED)
    desk.run(10)
    assert desk.told(sign_in) == ["challenge_unavailable"]


def test_a_push_certainly_not_sent_does_not_hold_the_next_one_back(desk: Desk) -> None:
    desk.fail(path=SEND, times=1, status=400)
    desk.begin()
    desk.run(2)
    second = desk.begin()
    desk.run(2)
    assert desk.told(second) == ISSUED


def test_a_refused_signature_alarms_the_operator_and_is_unavailable_to_the_person(desk: Desk) -> None:
    before = alarms.labels("unauthorised")._value.get()
    desk.provider = Evrotrust(settings_for(desk.push_app, MFA_PUSH_API_KEY="an old key"), Circuit(limit=50))
    sign_in = desk.begin()
    desk.run(3)
    assert desk.told(sign_in) == ["challenge_unavailable"]
    assert alarms.labels("unauthorised")._value.get() == before + 1


def test_a_key_that_changes_while_a_push_is_out_is_unavailable(desk: Desk) -> None:
    sign_in = desk.begin()
    desk.ask()
    desk.push_app.provider.api_key = "a new key"
    desk.run(3)
    assert desk.told(sign_in) == [*ISSUED, "challenge_unavailable"]


def test_a_provider_that_keeps_failing_is_left_alone_and_people_are_told_at_once(desk: Desk) -> None:
    desk.provider = Evrotrust(settings_for(desk.push_app), Circuit(limit=3, rest=60))
    desk.fail(path=CHECK, times=-1, status=503)
    desk.begin()
    desk.run(5)
    asked = desk.asked("/")
    second = desk.begin()
    desk.ask()
    assert desk.told(second) == ["challenge_unavailable"]
    assert desk.asked("/") == asked


# --- withdrawing ------------------------------------------------------------------------------------------------


def test_a_withdrawal_that_fails_is_tried_again(desk: Desk) -> None:
    desk.fail(path="/document/withdraw", times=2, status=503)
    sign_in = desk.begin()
    desk.ask()
    desk.settle(sign_in)
    desk.run(10)
    assert desk.pushes()[0].status == Status.WITHDRAWN
    assert desk.asked("/document/withdraw") == 3


def test_the_next_push_waits_until_the_last_one_is_off_the_phone(desk: Desk) -> None:
    desk.fail(path="/document/withdraw", times=3, status=503)
    desk.begin()
    desk.ask()
    second = desk.begin()
    for _ in range(20):
        desk.run(1)
        assert sum(push.is_open for push in desk.pushes()) <= 1
    assert desk.told(second) == ISSUED
    assert [push.status for push in desk.pushes()] == [Status.WITHDRAWN, Status.PENDING]


def test_the_request_that_leaves_is_ascii_whatever_the_description_says(desk: Desk) -> None:
    desk.begin()
    desk.ask()
    assert "вход" in desk.pushes()[0].description
    assert [entry["ascii"] for entry in desk.push_app.provider.requests] == [True, True]


def _wire(instant: Any) -> str:
    return str(instant.isoformat().replace("+00:00", "Z"))
