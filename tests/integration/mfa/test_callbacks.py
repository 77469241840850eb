"""Callbacks are hints: they make us look sooner and can do nothing else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from services.mfa.adapters.callbacks import MOST_BYTES, CallbackReceiver, Door
from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.handlers import looking
from tests.integration.mfa.desk import Desk, settings_for
from tests.simulators.push_app.app import PushApp
from tests.simulators.push_app.behaviour import Behaviour
from tests.simulators.push_app.provider import Status
from tests.support.eventually import eventually

SECRET = "a-path-nobody-guesses"


@pytest.fixture
def receiver(desk: Desk) -> Iterator[CallbackReceiver]:
    """Our door, told to the provider with the next push."""
    receiver = CallbackReceiver(
        host="127.0.0.1", port=0, secret=SECRET, hint=lambda it: looking.look_soon(desk.database.open_work, it)
    )
    receiver.start()
    settings = settings_for(
        desk.push_app,
        MFA_CALLBACK_URL=f"http://127.0.0.1:{receiver.port}/",
        MFA_CALLBACK_SECRET=SECRET,
    )
    desk.provider = Evrotrust(settings, Circuit(limit=50))
    yield receiver
    receiver.stop()


def address(receiver: CallbackReceiver, path: str = f"/{SECRET}/document/ready") -> str:
    return f"http://127.0.0.1:{receiver.port}{path}"


def called_back(desk: Desk, times: int) -> None:
    eventually(lambda: len(desk.push_app.provider.callbacks) == times, timeout=10)
    assert {entry["status"] for entry in desk.push_app.provider.callbacks} == {204}


def look_without_waiting(desk: Desk) -> None:
    while looking.look_at_due(desk.database.open_work, desk.provider):
        pass


@pytest.mark.parametrize("style", ["string", "integer"])
def test_a_callback_lets_us_look_at_once(desk: Desk, receiver: CallbackReceiver, style: str) -> None:
    desk.push_app.provider.behaviour = Behaviour().changed({"callback_transaction_id_style": style})
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    called_back(desk, 1)
    look_without_waiting(desk)
    assert desk.told(sign_in) == ["challenge_issued", "challenge_approved"]


def test_without_a_callback_polling_finds_the_approval(desk: Desk, receiver: CallbackReceiver) -> None:
    desk.push_app.provider.behaviour = Behaviour(callback_lost=True)
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.SIGNED)
    look_without_waiting(desk)
    assert desk.told(sign_in) == ["challenge_issued"]
    desk.look()
    assert desk.told(sign_in) == ["challenge_issued", "challenge_approved"]


def test_callbacks_doubled_late_and_out_of_order_change_nothing(desk: Desk, receiver: CallbackReceiver) -> None:
    desk.push_app.provider.behaviour = Behaviour(
        callback_copies=3, callback_out_of_order=True, callback_delay_seconds=0.2
    )
    sign_in = desk.begin()
    desk.ask()
    desk.answer(Status.REJECTED)
    desk.look()
    called_back(desk, 4)
    desk.run(5)
    assert desk.told(sign_in) == ["challenge_issued", "challenge_rejected"]


@pytest.mark.parametrize("status", [2, 3, 4, 42, "2", None])
def test_a_forged_callback_decides_nothing(desk: Desk, receiver: CallbackReceiver, status: object) -> None:
    sign_in = desk.begin()
    desk.ask()
    transaction_id = desk.pushes()[0].transaction_id
    forged = requests.post(address(receiver), json={"transactionID": transaction_id, "status": status}, timeout=5)
    assert forged.status_code == 204
    look_without_waiting(desk)
    assert desk.told(sign_in) == ["challenge_issued"]
    assert desk.state(sign_in) == "pending"


@pytest.mark.parametrize(
    "body",
    [
        b'{"transactionID": "000000000000", "status": 2}',
        b'{"transactionID": {"a": 1}}',
        b'{"transactionID": "\\u0000"}',
        b"{}",
        b"[]",
        b"not json",
        b"\xff\xfe",
        b"",
        b"[" * 4000,
    ],
)
def test_whatever_is_said_gets_the_same_answer(receiver: CallbackReceiver, body: bytes) -> None:
    assert requests.post(address(receiver), data=body, timeout=5).status_code == 204


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/{SECRET}/document/ready", 204),
        (f"//{SECRET}//document/ready", 204),
        (f"/{SECRET}/document/group/ready", 204),
        (f"/{SECRET}", 204),
        ("/document/ready", 404),
        ("/wrong/document/ready", 404),
        ("/", 404),
    ],
)
def test_only_the_secret_path_is_heard(receiver: CallbackReceiver, path: str, status: int) -> None:
    request = requests.Request("POST", "http://127.0.0.1", data=b"{}").prepare()
    request.url = address(receiver, path)
    with requests.Session() as session:
        assert session.send(request, timeout=5).status_code == status


def test_a_body_that_is_too_long_is_not_read(receiver: CallbackReceiver) -> None:
    assert requests.post(address(receiver), data=b" " * (MOST_BYTES + 1), timeout=5).status_code == 413


def test_a_body_without_a_length_is_not_read(receiver: CallbackReceiver) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as line:
        line.sendall(f"POST /{SECRET} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        assert b" 413 " in line.recv(100)


def test_a_failure_behind_the_door_is_not_the_provider_s_business() -> None:
    def fail(_transaction_id: str) -> None:
        raise OSError("the database is away")

    receiver = CallbackReceiver(host="127.0.0.1", port=0, secret=SECRET, hint=fail)
    receiver.start()
    try:
        body = json.dumps({"transactionID": "000000000000"})
        assert requests.post(address(receiver), data=body, timeout=5).status_code == 204
    finally:
        receiver.stop()


def test_a_second_replica_on_the_machine_lives_without_the_door(push_app: PushApp) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = settings_for(push_app, MFA_CALLBACK_PORT=str(taken.getsockname()[1]), MFA_CALLBACK_SECRET=SECRET)
        door = Door()
        door.open(settings, lambda _transaction_id: None)
        assert door.receiver is None


def test_no_door_without_a_secret(push_app: PushApp) -> None:
    door = Door()
    door.open(settings_for(push_app, MFA_CALLBACK_PORT="1"), lambda _transaction_id: None)
    assert door.receiver is None
    with pytest.raises(ValueError, match="secret"):
        CallbackReceiver(host="127.0.0.1", port=0, secret="", hint=lambda _transaction_id: None)
