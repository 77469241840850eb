"""A desk with a real database and the provider's simulator on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.chassis.clock import ManualClock
from services.mfa.adapters.circuit import Circuit
from services.mfa.adapters.evrotrust import Evrotrust
from tests.integration.mfa.desk import PHONE, Desk, settings_for
from tests.simulators.push_app.app import PushApp
from tests.support.databases import Databases


@pytest.fixture
def push_app() -> Iterator[PushApp]:
    """The provider, with one person registered."""
    with PushApp() as app:
        app.provider.register(PHONE, "2580")
        yield app


@pytest.fixture
def provider(push_app: PushApp) -> Evrotrust:
    """Our client of it; its circuit opens late, so that tests of single failures do not meet it."""
    return Evrotrust(settings_for(push_app), Circuit(limit=50))


@pytest.fixture
def desk(service_database: Databases, clock: ManualClock, push_app: PushApp, provider: Evrotrust) -> Desk:
    """The service, knowing one account whose phone is registered."""
    desk = Desk(database=service_database("mfa"), clock=clock, push_app=push_app, provider=provider)
    desk.know()
    return desk
