"""An academy with a real database and a folder of documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.certificates import Academy, configure_certificates, forget_settings
from tests.support.databases import Databases


@pytest.fixture
def academy(service_database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Academy]:
    """The service with one training of three modules in its library."""
    configure_certificates(monkeypatch, tmp_path / "documents")
    academy = Academy(database=service_database("certificates"))
    academy.load()
    yield academy
    forget_settings()
