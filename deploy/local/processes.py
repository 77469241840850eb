"""Runs the programs side by side, each line of their logs behind its program's name."""

from __future__ import annotations

import contextlib
import shlex
import sys
import threading
from collections.abc import Callable

import honcho.manager
from honcho.printer import Printer

from deploy.local.machine import ROOT
from deploy.local.stack import Program

# honcho kills after five seconds; a process takes up to 25 to finish what it has begun.
honcho.manager.KILL_WAIT = 30


class Processes:
    """All programs of a stack; when one ends, all end."""

    def __init__(self, programs: list[Program]) -> None:
        self._manager = _Manager(Printer(sys.stdout))
        for program in programs:
            # exec: the shell that honcho starts becomes the program, so that signals reach it.
            command = f"exec {shlex.join(program.command)}"
            self._manager.add_process(program.name, command, env=program.environment, cwd=str(ROOT))
        self._failure: str | None = None

    @property
    def alive(self) -> bool:
        """Whether nothing has ended yet."""
        return not self._manager.ended

    def fail(self, reason: str) -> None:
        """Stop everything, for a reason that is told at the end."""
        if self._manager.stopped_by_signal:
            return
        self._failure = reason
        self._manager.give_up = True

    def run(self, started: Callable[[], None]) -> int:
        """Start all, call `started` in a thread, stay until a signal or until one of them ends; return an exit code."""
        self._manager.after_start = lambda: threading.Thread(target=started, daemon=True).start()
        self._manager.loop()
        if self._manager.stopped_by_signal:
            return 0
        names = ", ".join(sorted(self._manager.ended_first)) or "none"
        sys.stderr.write(f"{self._failure or 'A process ended by itself.'} (ended first: {names})\n")
        return 1


class _Manager(honcho.manager.Manager):  # type: ignore[misc]  # honcho has no types
    """honcho's manager without its chatter, telling who ended first."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self.after_start: Callable[[], None] = lambda: None
        self.ended_first: set[str] = set()
        self.give_up = False
        self.stopped_by_signal = False

    @property
    def ended(self) -> set[str]:
        """Programs that ended, and what they returned is known."""
        return {name for name, process in self._processes.items() if process.get("returncode") is not None}

    def _start(self) -> None:
        super()._start()
        # only now: threads and the forks of _start do not go together
        self.after_start()

    def _any_stopped(self) -> bool:
        if self.give_up and not self._terminating:
            self.terminate()
        return bool(super()._any_stopped())

    def terminate(self) -> None:
        """Ask all to end."""
        if not self._terminating and not (self.give_up and self.stopped_by_signal):
            self.ended_first = self.ended
            self.stopped_by_signal = self.returncode in (130, 143)
        if not self._all_started():
            # honcho does not know all process ids yet; its loop comes back to this when it does
            self.give_up = True
            return
        with contextlib.suppress(ProcessLookupError):
            super().terminate()

    def _system_print(self, data: str) -> None:
        """Say nothing about every start and signal: the programs' own logs do."""
