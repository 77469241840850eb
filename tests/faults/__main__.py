"""Put one fault after another into a running installation and print what became of its work.

python -m tests.faults [--short] [--only NAME,NAME] [--list] [--seed N] [--rate N]

Ends with 1 where anything was lost, doubled or breached.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.machine import LOCAL
from tests.faults import chance
from tests.faults.injections import Fault, all_faults
from tests.faults.running import Runner, tidy
from tests.faults.stage import Stage
from tests.faults.table import Row, heading, table_of, write

OUTPUT = LOCAL / "faults"


def main(arguments: list[str] | None = None) -> int:
    """Run the faults; an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="briefly, one or two faults of each group")
    parser.add_argument("--only", help="names of faults, separated by commas")
    parser.add_argument("--list", action="store_true", help="tell which there are")
    parser.add_argument("--seed", type=int, help="for what is left to chance; a new one when not given")
    parser.add_argument("--rate", type=float, help="jobs begun a second")
    parser.add_argument("--keep", action="store_true", help="keep the programs' logs where something was found")
    given = parser.parse_args(arguments)
    try:
        faults = chosen(all_faults(), short=given.short, only=given.only)
    except KeyError as error:
        parser.error(f"there is no fault {error}")
    if given.list:
        for fault in faults:
            sys.stdout.write(f"{fault.name:<28} {fault.seconds:>5.0f} s  {fault.injected}\n")
        return 0
    # asked to end, it ends everything that it started
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = chance.begin(given.seed)
    say(f"seed {seed}")
    try:
        rows = run(faults, short=given.short, seed=seed, rate=given.rate, keep=given.keep)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"\n{table_of(rows)}\n")
    return 0 if all(row.good for row in rows) else 1


def chosen(faults: Sequence[Fault], *, short: bool, only: str | None) -> list[Fault]:
    """The faults to run; raises :class:`KeyError` for a name that there is not."""
    if only:
        by_name = {fault.name: fault for fault in faults}
        return [by_name[name] for name in only.split(",")]
    return [fault for fault in faults if fault.short or not short]


def run(faults: Sequence[Fault], *, short: bool, seed: int, rate: float | None = None, keep: bool = False) -> list[Row]:
    """Run the faults on one stage; each row is shown and kept as it is finished."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    ledger = OUTPUT / "ledger.jsonl"
    ledger.unlink(missing_ok=True)
    stage = Stage(short=short, log=say, ledger=ledger)
    say("starting the installation")
    stage.start()
    rows: list[Row] = []
    try:
        if rate is not None:
            stage.driver.rate = rate
        runner = Runner(stage)
        show(heading())
        for fault in faults:
            row = runner.run(fault)
            rows.append(row)
            show(row.lines())
            write(rows, OUTPUT, seed=seed)
            tidy(stage)
        return rows
    finally:
        if keep and not all(row.good for row in rows):
            _keep_logs(stage)
        stage.close()


def _keep_logs(stage: Stage) -> None:
    kept = OUTPUT / "logs"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(Path(stage.running.folder) / "logs", kept)
    say(f"logs are kept in {kept}")


_BEGAN = time.monotonic()


def say(line: str) -> None:
    """Tell what is going on."""
    sys.stderr.write(f"{time.monotonic() - _BEGAN:7.1f} s  {line}\n")


def show(lines: Sequence[str]) -> None:
    """Show lines of the table at once."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
