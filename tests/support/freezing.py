"""Servers that are there and do nothing: what a stopped machine, a full disk or a paused container looks like."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psutil

from deploy.local.machine import Child


@contextlib.contextmanager
def frozen(server: Child) -> Iterator[None]:
    """Stop the server with all its processes in the middle of whatever they do, and let them go on afterwards."""
    process = server.process
    if process is None:
        raise AssertionError(f"{server.name} does not run here")
    stopped: list[psutil.Process] = []
    try:
        # the parent first: it must not see its children stand still, nor make new ones
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
                stopped.append(one)
        yield
    finally:
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()
