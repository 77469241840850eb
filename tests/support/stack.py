"""The whole installation for end-to-end and fault tests; each of its programs can be stopped and started alone."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.errors import CannotStart
from deploy.local.leftovers import stop_leftovers
from deploy.local.machine import ROOT, Child
from deploy.local.stack import Ports, Program, Stack


class RunningStack:
    """A stack whose programs write their logs into files and can be stopped, killed and started one by one."""

    def __init__(self, preset: str = "demo", *, durable: bool = False, folder: Path | None = None) -> None:
        """`durable` where crashes of the database are tried; `folder` must be the test's own, for it is removed."""
        self.folder = folder or Path(tempfile.mkdtemp(prefix="licentia-stack-"))
        self.stack = Stack(folder=self.folder, preset=preset, ports=Ports.free(), durable=durable)
        self._children: dict[str, Child] = {}

    @property
    def urls(self) -> dict[str, str]:
        """Addresses of `portal`, `api`, `phone` and `mail`."""
        return self.stack.urls

    @property
    def accounts(self) -> dict[str, dict[str, Any]]:
        """The demo accounts by login, with their issued passwords."""
        return {one["login"]: one for one in self.stack.accounts}

    @property
    def children(self) -> Mapping[str, Child]:
        """The processes by their programs' names."""
        return self._children

    def prepare(self) -> None:
        """Start broker and database and say which programs there will be, without starting them."""
        self.stack.prepare()

    def start(self) -> None:
        """Start everything and wait until all of it is ready."""
        try:
            if not self.stack.programs:
                self.prepare()
            for program in self.stack.programs:
                self._children[program.name] = Child(program.name, self.folder / "logs")
                self.start_program(program.name)
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def wait_ready(self) -> None:
        """Wait until every program can work; tells the last lines of one that ended."""
        try:
            self.stack.wait_ready(lambda: all(child.running for child in self._children.values()))
        except CannotStart as error:
            ended = [f"{name}: {child.tail(12)}" for name, child in self._children.items() if not child.running]
            raise CannotStart(f"{error} {'; '.join(ended)}") from error

    def add_program(self, program: Program) -> None:
        """Start one more program: a second copy, most often."""
        child = Child(program.name, self.folder / "logs")
        child.start(program.command, env=program.environment, cwd=ROOT)
        # known only now: who watches over programs finds it running
        self.stack.programs.append(program)
        self._children[program.name] = child

    def remove_program(self, name: str) -> int | None:
        """Stop a program that was added; its exit code."""
        child = self._children[name]
        child.stop(signal.SIGTERM, seconds=30)
        self.stack.programs = [one for one in self.stack.programs if one.name != name]
        del self._children[name]
        return child.exit_code

    def start_program(self, name: str, *, environment: Mapping[str, str] | None = None) -> None:
        """Start one program (again), without waiting until it is ready; `environment` is added for this once."""
        program = next(one for one in self.stack.programs if one.name == name)
        self._children[name].start(program.command, env={**program.environment, **(environment or {})}, cwd=ROOT)

    def stop_program(self, name: str, *, kill: bool = False) -> None:
        """Stop one program as an orchestrator would, or kill it as a fault would."""
        self._children[name].stop(signal.SIGKILL if kill else signal.SIGTERM)

    def log(self, name: str) -> list[dict[str, Any]]:
        """What one program logged; lines that are no JSON come as `{"text": line}`."""
        lines = self._children[name].log.read_text(errors="replace").splitlines()
        return [json.loads(line) if line.startswith("{") else {"text": line} for line in lines]

    def close(self) -> None:
        """Stop everything and remove every trace."""
        for child in self._children.values():
            child.signal(signal.SIGTERM)
        for child in self._children.values():
            child.stop(signal.SIGTERM)
        self.stack.close()
        stop_leftovers(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
