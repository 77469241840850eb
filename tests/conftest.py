"""What every test may use; see tests/support/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.translations import compile_catalogues

pytest_plugins = ["tests.support.fixtures"]

_MARKS = {"integration": pytest.mark.integration, "e2e": pytest.mark.e2e, "faults": pytest.mark.integration}


def pytest_configure() -> None:
    """Compile the portal's texts, as every start of the stack does."""
    compile_catalogues()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they live in."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            mark = _MARKS.get(item.path.relative_to(here).parts[0])
            if mark is not None:
                item.add_marker(mark)
