"""The portal in front of stand-ins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.app import create_app
from gateway.clients.identity import IdentityClient
from gateway.settings import load
from tests.portal.fakes import FakeBus, FakeIdentity
from tests.portal.support import Portal


@pytest.fixture
def make_portal(tmp_path: Path) -> Callable[..., Portal]:
    """Makes a portal with settings of its own: ``make_portal(PUBLIC_URL="https://…")``."""

    def make(**environment: Any) -> Portal:
        values = {
            "OPERATOR": "demo",
            "DOCUMENTS_URL": f"file://{tmp_path}",
            "GATEWAY_SIGN_INS_PER_MINUTE": "0",
            "GATEWAY_CHECKS_PER_MINUTE": "0",
            "GATEWAY_PRINCIPAL_CACHE": "0",
        }
        bus, identity = FakeBus(), FakeIdentity()
        app = create_app(load(values | environment), bus)
        portal = Portal(app, bus, identity)
        portal.answers(IdentityClient, identity)
        return portal

    return make


@pytest.fixture
def portal(make_portal: Callable[..., Portal]) -> Portal:
    """A portal with the demo operator, where nothing is limited or remembered."""
    return make_portal()
