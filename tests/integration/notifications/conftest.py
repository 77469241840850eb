"""The notifications service with a mail server that keeps what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.notifications import MailRoom, mail_room
from tests.support.databases import Databases


@pytest.fixture
def room(service_database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailRoom]:
    """The service, its database, its mail server and its documents."""
    with mail_room(service_database("notifications"), tmp_path, monkeypatch) as room:
        yield room
