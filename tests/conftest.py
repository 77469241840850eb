"""What every test may use; see tests/support/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.translations import compile_catalogues

pytest_plugins = ["tests.support.fixtures"]

_MARKS = {
    "integration": [pytest.mark.integration],
    # the first test of a run also waits until the whole stack is ready
    "faults": [pytest.mark.integration, pytest.mark.timeout(300)],
    "e2e": [pytest.mark.e2e, pytest.mark.timeout(300)],
}


def pytest_configure() -> None:
    """Compile the portal's texts, as every start of the stack does."""
    compile_catalogues()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they live in."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            for mark in _MARKS.get(item.path.relative_to(here).parts[0], []):
                item.add_marker(mark)
