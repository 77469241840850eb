"""The portal in front of stand-ins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import FileSystemBytecodeCache

from gateway.app import create_app
from gateway.clients.identity import IdentityClient
from gateway.settings import load
from tests.portal.fakes import FakeBus, FakeIdentity
from tests.portal.support import Portal


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates compiled once for the run: each test builds an application of its own."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_portal(tmp_path: Path, compiled_templates: FileSystemBytecodeCache) -> Callable[..., Portal]:
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
        app.jinja_env.bytecode_cache = compiled_templates
        portal = Portal(app, bus, identity)
        portal.answers(IdentityClient, identity)
        return portal

    return make


@pytest.fixture
def portal(make_portal: Callable[..., Portal]) -> Portal:
    """A portal with the demo operator, where nothing is limited or remembered."""
    return make_portal()
