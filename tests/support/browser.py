"""How Playwright starts the browser: the machine's own Chromium where there is one."""

from __future__ import annotations

import os
from typing import Any

import pytest

from deploy.local import chromium
from deploy.local.errors import CannotStart
from deploy.local.machine import quiet


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright's arguments with our Chromium; a machine without one fails here and skips nothing."""
    try:
        path = chromium.ensure(quiet)
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    # Chromium's sandbox refuses to work for root; the pages it opens are ours.
    without_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    arguments = [*browser_type_launch_args.get("args", []), *without_sandbox, "--disable-dev-shm-usage"]
    return {**browser_type_launch_args, "executable_path": str(path), "args": arguments}
