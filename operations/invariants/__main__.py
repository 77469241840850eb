"""``python -m operations.invariants``: check every invariant and print the table.

python -m operations.invariants --stack .local/run/demo
python -m operations.invariants --wait 0                     addresses from the environment, without waiting for quiet
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from operations.installation import Installation, NotFound
from operations.invariants import Unreadable, check, under_way

HOLDS, BROKEN, CANNOT_LOOK = 0, 1, 2
LOOK_AGAIN_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 where everything holds, 1 on a breach, 2 where something cannot be looked at."""
    parser = argparse.ArgumentParser(prog="python -m operations.invariants", description="Check every invariant.")
    parser.add_argument("--stack", type=Path, help="the folder of a local run; the environment when not given")
    parser.add_argument("--wait", type=float, default=20.0, help="seconds to wait for quiet before the check")
    given = parser.parse_args(arguments)
    try:
        installation = Installation.from_stack(given.stack) if given.stack else Installation.from_environment()
        return _check(installation, given.wait)
    except (NotFound, Unreadable) as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_LOOK


def _check(installation: Installation, patience: float) -> int:
    unsettled = _wait(installation, patience)
    began = time.monotonic()
    report = check(installation, quiet=not unsettled)
    sys.stdout.write("\n".join(report.lines()) + "\n\n")
    if unsettled:
        sys.stdout.write("Busy, so that what is young was let pass; still under way:\n")
        sys.stdout.writelines(f"  {one}\n" for one in unsettled)
    checked, seconds = sum(row.checked for row in report.rows), time.monotonic() - began
    verdict = "everything holds" if report.holds else f"{sum(row.breaches for row in report.rows)} breaches"
    sys.stdout.write(f"{len(report.rows)} invariants, {checked} things looked at in {seconds:.1f} s: {verdict}.\n")
    return HOLDS if report.holds else BROKEN


def _wait(installation: Installation, patience: float) -> list[str]:
    deadline = time.monotonic() + patience
    while (unsettled := under_way(installation)) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_SECONDS)
    return unsettled


if __name__ == "__main__":
    raise SystemExit(main())
