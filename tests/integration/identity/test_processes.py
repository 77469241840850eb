"""The whole way of a sign-in through the running processes: broker, nameko on eventlet, worker, PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pika
import pytest
from sqlalchemy import select

from deploy.local.machine import ROOT
from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.base import dump
from libs.contracts.mfa import ChallengeApproved
from libs.messaging.envelope import Envelope, body_of, properties_of
from libs.messaging.tables import outbox
from services.identity import load
from tests.integration.messaging.client import Client
from tests.support.builders.identity import (
    GOOD_PASSWORD,
    Desk,
    a_principal,
    configure_identity,
    digest_of,
    principal_public_key,
    signed,
)
from tests.support.databases import Databases
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

BROWSER = digest_of("a browser")


class Running:
    """Both processes of identity, and a caller on the wire."""

    def __init__(self, url: str, logs: list[Path]) -> None:
        self.client = Client(url)
        self._logs = logs

    def send(self, method: str, principal: str | None = None, **request: Any) -> str:
        call = str(uuid4())
        headers = {"nameko.principal": principal} if principal else {}
        body = json.dumps({"args": [], "kwargs": {"request": request}}).encode()
        self.client.publish(
            f"identity.{method}",
            body,
            content_type="application/json",
            reply_to=self.client.reply_to,
            correlation_id=call,
            headers=headers,
        )
        return call

    def ask(self, method: str, principal: str | None = None, **request: Any) -> Any:
        answer = self.client.receive(self.send(method, principal, **request))
        assert answer["error"] is None, answer
        return answer["result"]

    def refused(self, method: str, principal: str | None = None, **request: Any) -> str:
        answer = self.client.receive(self.send(method, principal, **request))
        assert answer["error"] is not None, answer
        code: str = answer["error"]["value"]["code"]
        return code

    def tell(self, event: ChallengeApproved) -> None:
        envelope = Envelope(
            id=new_id(),
            type=event.TYPE,
            source="mfa",
            subject=str(event.challenge_id),
            time=datetime.now(UTC),
            correlation_id="a test",
            causation_id=None,
            sequence=1,
            data=dump(event),
        )
        properties = properties_of(envelope)
        properties["headers"] = properties.pop("application_headers")
        self.client.channel.basic_publish(
            "mfa.events", event.TYPE, body_of(envelope), pika.BasicProperties(**properties), mandatory=True
        )

    def logged(self) -> str:
        return "".join(log.read_text() for log in self._logs)


@pytest.fixture
def running(
    service_database: Databases,
    broker: TestBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Running]:
    configure_identity(monkeypatch, argon2_memory_kib=19_456, argon2_passes=2, **getattr(request, "param", {}))
    monkeypatch.setenv(load.DATABASE_URL, service_database("identity").url)
    environment = {**os.environ, "AMQP_URL": broker.url, "PRINCIPAL_PUBLIC_KEY": principal_public_key()}
    children, logs = [], []
    for kind, ready in (("worker", "worker started"), ("rpc", "requests are taken")):
        log = tmp_path / f"{kind}.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "libs.messaging.process", "identity", kind]
            child = subprocess.Popen(  # noqa: S603  # our own program
                command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT
            )
        children.append(child)
        logs.append(log)
        eventually(lambda log=log, ready=ready: ready in log.read_text(), 40)
    running = Running(broker.url, logs)
    yield running
    running.client.close()
    for child in children:
        child.send_signal(signal.SIGTERM)
    for child in children:
        assert child.wait(40) == 0, running.logged()


@pytest.fixture
def clock() -> ManualClock:
    """The processes have their own clock: the machine's."""
    return ManualClock(datetime.now(UTC))


@pytest.mark.story("MON-09", "MON-14", "MON-27", "MON-36", "MON-43")
def test_from_the_issued_password_to_a_session_and_out(running: Running, desk: Desk) -> None:
    holder = desk.issue("finance")
    assert running.refused("get_me") == "unauthenticated"
    wrong = {"login": holder.login, "password": "съвсем грешна парола", "browser_digest": BROWSER}
    assert running.refused("begin_sign_in", **wrong) == "wrong_credentials"
    attempt = running.ask("begin_sign_in", **{**wrong, "password": holder.password})
    bound = {"sign_in_id": attempt["id"], "browser_digest": BROWSER}
    assert attempt["state"] == "password_change_required"
    assert running.ask("change_issued_password", **bound, new_password=GOOD_PASSWORD)["state"] == "awaiting_factor"

    running.tell(
        ChallengeApproved(
            challenge_id=new_id(), sign_in_id=UUID(attempt["id"]), account_id=holder.id, approved_at=datetime.now(UTC)
        )
    )
    eventually(lambda: running.ask("get_sign_in", **bound)["state"] == "approved")
    session = running.ask("complete_sign_in", **bound, session_digest=digest_of("token"))
    assert running.refused("complete_sign_in", **bound, session_digest=digest_of("more")) == "sign_in_completed"

    principal = running.ask("authenticate", session_digest=digest_of("token"))
    assert principal["session_id"] == session["id"]
    assert running.ask("get_me", principal["token"])["login"] == holder.login
    assert running.ask("end_session", principal["token"]) == {}
    assert running.refused("authenticate", session_digest=digest_of("token")) == "session_ended"
    logged = running.logged()
    assert not [
        secret for secret in (holder.password, GOOD_PASSWORD, holder.login, principal["token"]) if secret in logged
    ]


@pytest.mark.parametrize("running", [{"sign_in_seconds": 2}], indirect=True)
def test_hashing_keeps_nobody_waiting_and_expiry_is_on_time(
    running: Running, desk: Desk, service_database: Databases
) -> None:
    holder = desk.active("finance")
    wrong = {"password": "съвсем грешна парола", "browser_digest": BROWSER}
    slow = [running.send("begin_sign_in", login=f"nobody{number}@broker.example", **wrong) for number in range(12)]
    principal = signed(a_principal("finance", account_id=holder.id))
    assert running.ask("get_me", principal)["login"] == holder.login
    # what has come by now came before the quick answer
    already = [call for call in slow if call in running.client._replies]
    assert len(already) < len(slow), "a quick question must not wait for all the hashes before it"
    assert {running.client.receive(call)["error"]["value"]["code"] for call in slow} == {"wrong_credentials"}

    attempt = running.ask("begin_sign_in", login=holder.login, password=holder.password, browser_digest=BROWSER)
    expired = eventually(lambda: settled(service_database, attempt["id"]))
    late = expired - datetime.fromisoformat(attempt["expires_at"])
    assert timedelta(0) <= late <= timedelta(seconds=1)


def settled(service_database: Databases, sign_in_id: str) -> datetime | None:
    """When the others were told that the attempt has expired."""
    told = select(outbox.c.occurred_at).where(
        outbox.c.subject == sign_in_id, outbox.c.payload["state"].astext == "expired"
    )
    with service_database("identity").sessions() as session:
        return session.scalar(told)
