"""End-to-end tests: one running stack for the whole run, and the machine's browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.errors import CannotStart
from tests.support.browser import browser_type_launch_args
from tests.support.stack import RunningStack

__all__ = ["browser_type_launch_args"]


def _started(preset: str) -> RunningStack:
    running = RunningStack(preset)
    try:
        running.start()
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    return running


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
