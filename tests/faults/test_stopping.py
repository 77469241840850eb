"""SIGTERM with work in flight: the process ends with 0, nothing is handed out twice and nobody is cut off.

`FAULT_STOPS=50` stops each process fifty times instead of once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pika
import pytest
import requests

from deploy.local.authorisation import read_matrix
from deploy.local.machine import ROOT
from libs.chassis.clock import ManualClock
from libs.chassis.principal import PrincipalSigner
from libs.messaging.topology import REPLIES, services_in_the_house
from tests.faults.asking import Caller
from tests.faults.conftest import declare_everything
from tests.faults.histories import HISTORIES, is_published
from tests.faults.house import House
from tests.faults.stopping import Question, stop_rpc, stop_worker
from tests.integration.authorisation.test_repeats import allowed_call
from tests.integration.authorisation.world import PRIVATE, PUBLIC, World
from tests.integration.authorisation.worlds import WORLDS
from tests.support.builders.notifications import sealing_keys
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

STOPS = int(os.environ.get("FAULT_STOPS", "1"))
SLOW_SECONDS = 1.5
MATRIX = read_matrix()


@pytest.fixture
def keys(house: House, tmp_path: Path) -> None:
    """What the services' processes ask for besides what their builders set."""
    house.public_key = PUBLIC
    house.environment |= {
        "DOCUMENTS_URL": tmp_path.as_uri(),
        "PUBLIC_URL": "https://portal.example",
        "SEALING_PUBLIC_KEY": sealing_keys()[1],
        "NOTIFICATIONS_PRIVATE_KEY": sealing_keys()[0],
        "IDENTITY_SIGNING_KEY": PRIVATE,
        "MFA_PUSH_API_KEY": "a key",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "OPERATOR": "demo",
    }


def questions_of(world: World) -> list[Question]:
    """Everything that may be asked of a service, each by somebody who may."""
    found = []
    for name in sorted(world.requests):
        row = MATRIX[f"{world.rpc.name}.{name}"]
        actor, request = allowed_call(world, row)
        token = PrincipalSigner(PRIVATE).sign(world.principals[actor])[0] if actor else None
        found.append(Question(method=row.name, request=request, token=token))
    return found


@pytest.mark.timeout(120 + 20 * STOPS)
@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("service", services_in_the_house())
def test_rpc_answers_what_it_took_and_leaves_the_rest_untouched(
    house: House, caller: Caller, service: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = WORLDS[service](house.databases, clock, monkeypatch, tmp_path)
    for _ in range(STOPS):
        house.start(f"{service}-rpc")
        stop = stop_rpc(house, caller, service, questions_of(world))
        assert stop.was_clean, stop


@pytest.mark.timeout(120 + 20 * STOPS)
@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("service", sorted(HISTORIES))
def test_worker_handles_what_it_took_and_leaves_the_rest_untouched(
    house: House, caller: Caller, service: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    history = HISTORIES[service](house.databases, clock, monkeypatch, tmp_path)
    is_published(house.databases(service))
    for _ in range(STOPS):
        house.start(f"{service}-worker")
        stop = stop_worker(house, caller, service, history)
        assert stop.was_clean, stop


class SlowIdentity:
    """Says that every session has ended, and takes its time over it."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.basic_consume("rpc-identity", self._answer, auto_ack=True)
        self.asked = 0
        self._thread = threading.Thread(target=self._channel.start_consuming, daemon=True)
        self._thread.start()

    def _answer(self, channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self.asked += 1
        ended = {"kind": "unauthenticated", "code": "session_ended", "message": "Ended.", "params": {}}
        answer = {"result": None, "error": {"exc_type": "Unauthenticated", "value": ended}}
        reply = pika.BasicProperties(correlation_id=properties.correlation_id, content_type="application/json")
        self._connection.call_later(
            SLOW_SECONDS,
            lambda: channel.basic_publish(REPLIES, properties.reply_to, json.dumps(answer).encode(), reply),
        )

    def stop(self) -> None:
        """End."""
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(timeout=5)
        self._connection.close()


@pytest.fixture
def gateway(broker: TestBroker, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A gateway as it is served, and its address."""
    declare_everything(broker.url)
    log = tmp_path / "gateway.log"
    environment = {
        **os.environ,
        "AMQP_URL": broker.url,
        "DOCUMENTS_URL": tmp_path.as_uri(),
        "GATEWAY_SECRET_KEY": "k" * 40,
        "GATEWAY_BIND": "127.0.0.1:0",
        # all wait as long as a busy machine takes: it is the stopping that is tried here
        "GATEWAY_QUEUE_WAIT": "20",
        "GATEWAY_RPC_SLOT_WAIT": "20",
        "GATEWAY_RPC_TIMEOUT": "40",
        "PYTHONPATH": str(ROOT),
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "gateway/gunicorn.conf.py", "--log-level", "info"]
    command = [*gunicorn, "gateway.wsgi:app"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        eventually(lambda: "Listening at: http://127.0.0.1:" in log.read_text(), 30)
        yield process, log.read_text().partition("Listening at: ")[2].split()[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


def test_gateway_answers_every_request_it_has_taken(
    gateway: tuple[subprocess.Popen[bytes], str], broker: TestBroker
) -> None:
    process, address = gateway
    identity = SlowIdentity(broker.url)
    try:
        eventually(lambda: _status(f"{address}/readyz") == 200, 30)

        def ask(number: int) -> int:
            cookies = {"session": f"{number:043d}", "language": "en"}
            return requests.get(f"{address}/home", cookies=cookies, timeout=30, allow_redirects=False).status_code

        with ThreadPoolExecutor(24) as people:
            under_way = [people.submit(ask, number) for number in range(24)]
            eventually(lambda: identity.asked >= 24, 20)
            process.send_signal(signal.SIGTERM)
            answers = [one.result() for one in under_way]
        assert set(answers) <= {302, 303, 401}, answers
        assert process.wait(timeout=25) == 0
    finally:
        identity.stop()


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.RequestException:
        return 0
