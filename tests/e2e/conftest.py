"""End-to-end tests: one running stack for the whole run, and the machine's browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import CannotStart
from tests.support.browser import browser_type_launch_args
from tests.support.stack import RunningStack

__all__ = ["browser_type_launch_args"]

HERE = Path(__file__).parent


def _started(preset: str) -> RunningStack:
    running = RunningStack(preset)
    try:
        running.start()
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    return running


FIRST = ("test_main_job", "test_sign_in")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those who need issued passwords unchanged and empty shelves; the rest copes with both."""
    items.sort(key=lambda item: item.path.stem not in FIRST if item.path.parent == HERE else False)


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The demo operator's portal with everything behind it."""
    running = _started("demo")
    yield running
    running.close()


@pytest.fixture(scope="module")
def ministry_stack() -> Iterator[RunningStack]:
    """The ministry's portal: licences from a catalogue, approved by an official."""
    running = _started("ministry")
    yield running
    running.close()
