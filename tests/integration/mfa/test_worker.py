"""The whole service with broker, jobs, callbacks and the real clock: events in, a person on the phone, events out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.chassis.ids import new_id
from libs.contracts.base import Event
from libs.contracts.identity import AccountIssued, SignInAwaitingFactor, SignInSettled
from libs.messaging.envelope import body_of, properties_of
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.topology import declare_exchanges
from libs.messaging.worker import Worker
from services.mfa import worker as mfa
from services.mfa.settings import mfa_settings
from tests.integration.mfa.desk import PHONE, Desk
from tests.simulators.push_app.provider import Status
from tests.support.builders.events import an_envelope
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker


class Identity:
    """Stands where identity publishes."""

    def __init__(self, desk: Desk, publisher: Publisher) -> None:
        self._desk = desk
        self._publisher = publisher

    def tell(self, event: Event, *, sequence: int = 1) -> None:
        envelope = an_envelope(self._desk.database, event, sequence=sequence)
        parcel = Parcel(
            exchange="identity.events",
            routing_key=envelope.type,
            body=body_of(envelope),
            properties=properties_of(envelope),
        )
        assert self._publisher.publish([parcel], timeout=10) == [Outcome.SENT]

    def begin(self, account_id: UUID, for_: timedelta = timedelta(minutes=5)) -> UUID:
        sign_in_id = new_id()
        expires_at = datetime.now(UTC) + for_
        self.tell(SignInAwaitingFactor(sign_in_id=sign_in_id, account_id=account_id, code="47", expires_at=expires_at))
        return sign_in_id


@pytest.fixture
def identity(desk: Desk, broker: TestBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    """A running mfa worker, and somebody who tells it of sign-ins."""
    for name, value in {
        "MFA_PUSH_URL": f"{desk.push_app.url}/vendor",
        "MFA_PUSH_VENDOR_NUMBER": desk.push_app.vendor_number,
        "MFA_PUSH_API_KEY": desk.push_app.api_key,
    }.items():
        monkeypatch.setenv(name, value)
    mfa_settings.cache_clear()
    mfa.provider.cache_clear()
    worker = Worker(
        "mfa",
        engine=desk.database.engine,
        amqp_url=broker.url,
        subscriptions=mfa.SUBSCRIPTIONS,
        jobs=mfa.JOBS,
    )
    worker.start()
    publisher = Publisher(broker.url, name="identity", on_open=declare_exchanges)
    publisher.start()
    eventually(lambda: publisher.connected and worker.consumer.consuming, timeout=30)
    yield Identity(desk, publisher)
    publisher.stop()
    assert worker.stop(20)
    mfa_settings.cache_clear()
    mfa.provider.cache_clear()


@pytest.mark.story("MON-21", "MON-29", "MON-34", "MON-35")
def test_events_in_phone_pushes_events_out(desk: Desk, identity: Identity) -> None:
    newcomer = new_id()
    phone = "+359880000002"
    desk.push_app.provider.register(phone, "1111")
    identity.tell(
        AccountIssued(
            account_id=newcomer,
            login="ivan",
            given_name="Иван",
            family_name="Иванов",
            email="ivan@broker.example",
            phone="0880 000 002",
            language="en",
            roles=["member"],
        )
    )

    approved = identity.begin(newcomer)
    push = eventually(lambda: desk.push_app.provider.pushes_to(phone), timeout=10)[0]
    assert "Code: 47" in push.description
    desk.push_app.provider.settle(push, Status.SIGNED)
    eventually(lambda: desk.told(approved) == ["challenge_issued", "challenge_approved"], timeout=10)

    refused = identity.begin(desk.account_id)
    push = eventually(lambda: desk.push_app.provider.pushes_to(PHONE), timeout=10)[0]
    desk.push_app.provider.settle(push, Status.REJECTED)
    eventually(lambda: desk.told(refused) == ["challenge_issued", "challenge_rejected"], timeout=10)

    expired = identity.begin(newcomer, timedelta(seconds=3))
    deadline = datetime.now(UTC) + timedelta(seconds=3)
    eventually(lambda: desk.told(expired) == ["challenge_issued", "challenge_expired"], timeout=10)
    assert datetime.now(UTC) - deadline < timedelta(seconds=1.5)  # one for the sweeper, the rest for looking

    cancelled = identity.begin(newcomer)
    push = eventually(lambda: [one for one in desk.push_app.provider.pushes_to(phone) if one.is_open], timeout=10)[0]
    identity.tell(SignInSettled(sign_in_id=cancelled, account_id=newcomer, state="cancelled"))
    eventually(lambda: push.status == Status.WITHDRAWN, timeout=10)
    assert desk.told(cancelled) == ["challenge_issued"]
