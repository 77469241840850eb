"""What an earlier run left running, because it was killed and could not stop its children."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import psutil

from deploy.local.machine import MARK


def find_leftovers(folder: Path) -> list[psutil.Process]:
    """The processes that some run of this folder, or of one below it, started: their environment says so."""
    wanted = folder.absolute()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark and process.pid != os.getpid() and Path(mark).is_relative_to(wanted):
                found.append(process)
    return found


def stop_leftovers(folder: Path, *, seconds: float = 10) -> int:
    """Ask them to end, end those that do not, and return how many there were."""
    left = find_leftovers(folder)
    ids = {process.pid for process in left}
    for process in left:
        with contextlib.suppress(psutil.Error):
            # Only the heads of each family: a server whose own helpers are ended from outside takes it for a crash.
            if process.ppid() not in ids:
                process.send_signal(_polite(process))
    _, stubborn = psutil.wait_procs(left, timeout=seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(left)


def _polite(process: psutil.Process) -> int:
    """SIGTERM; for PostgreSQL, which would wait for its clients then, SIGINT."""
    return signal.SIGINT if process.name() == "postgres" else signal.SIGTERM
