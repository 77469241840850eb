"""Identity as configured for its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.chassis.clock import ManualClock
from tests.support.builders.identity import Desk, configure_identity, forget_settings
from tests.support.databases import WorkFor


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys and quick hashing; nothing of it is left for other tests."""
    configure_identity(monkeypatch)
    yield
    monkeypatch.undo()
    forget_settings()


@pytest.fixture
def desk(work_for: WorkFor, clock: ManualClock) -> Desk:
    """Issues accounts and walks people through signing in."""
    return Desk(work_for, clock)
