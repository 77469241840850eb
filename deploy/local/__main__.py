"""`python -m deploy.local run` starts everything and stays; `python -m deploy.local clean` removes every trace.

python -m deploy.local run --operator ministry
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy.local.errors import CannotStart
from deploy.local.leftovers import stop_leftovers
from deploy.local.machine import LOCAL, held
from deploy.local.processes import Processes
from deploy.local.stack import ACCESS_CODE, Ports, Stack


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


class Terminal:
    """Progress lines with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        with self._lock:
            sys.stdout.write(f"{time.monotonic() - self._began:5.1f} s  {line}\n")
            sys.stdout.flush()


def run(preset: str, folder: Path, ports: Ports) -> int:
    """Start everything, stay until Ctrl-C or SIGTERM, stop everything."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    say = Terminal()
    log_format = os.environ.get("LOG_FORMAT", "text")
    stack = Stack(folder=folder, preset=preset, ports=ports, say=say, log_format=log_format)
    try:
        refusal = f"This stack is running already in {folder}: stop it first."
        with held(folder.parent / f"{folder.name}.lock", refusal=refusal, seconds=0):
            stop_leftovers(folder)
            try:
                stack.prepare()
                return _stay(stack, say)
            finally:
                _ignore_signals()
                say("stopping")
                stack.close()
                stop_leftovers(folder)
                say("stopped")
    except Stopped:
        return 0


def _stay(stack: Stack, say: Terminal) -> int:
    processes = Processes(stack.programs)

    def report() -> None:
        try:
            stack.wait_ready(lambda: processes.alive)
        except CannotStart as error:
            processes.fail(str(error))
        else:
            _greet(stack, say)

    return processes.run(report)


def _greet(stack: Stack, say: Terminal) -> None:
    say("everything is ready")
    lines = [
        "",
        f"  Portal        {stack.urls['portal']}",
        f"  API           {stack.urls['api']}",
        f"  Phones        {stack.urls['phone']}   (access code of the demo phones: {ACCESS_CODE})",
        f"  Mail inbox    {stack.urls['mail']}",
        f"  Online bank   {stack.urls['bank']}",
        "",
    ]
    if stack.accounts:
        lines.append(f"  {'account':<14}{'password':<24}{'role':<10}phone")
    for one in stack.accounts:
        password = one.get("password") or "(as you set it)"
        lines.append(f"  {one['login']:<14}{password:<24}{one.get('role') or '':<10}{one.get('phone') or ''}")
    sys.stdout.write("\n".join([*lines, "", "  Ctrl-C stops everything.", "", ""]))
    sys.stdout.flush()


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def clean() -> int:
    """Stop what earlier runs left behind and remove everything they wrote."""
    stop_leftovers(LOCAL)
    shutil.rmtree(LOCAL, ignore_errors=True)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run or clean, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local")
    parser.add_argument("deed", choices=["run", "clean"])
    parser.add_argument(
        "--operator", default=os.environ.get("OPERATOR") or "demo", help="preset or path of a .toml file"
    )
    parser.add_argument("--dir", type=Path, help="where everything is kept; .local/run/<operator> when not given")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the usual ones")
    given = parser.parse_args(arguments)
    try:
        if given.deed == "clean":
            return clean()
        folder = given.dir or LOCAL / "run" / Path(given.operator).stem
        ports = Ports.free() if given.free_ports else Ports.from_environment()
        return run(given.operator, folder, ports)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
