"""Keep the whole installation under steady load and print what it holds on to; ends with 1 where anything grows.

python -m tests.soak [--minutes 30] [--rate JOBS_PER_SECOND] [--json FILE]

The first third is warm-up. Memory of a program may grow by less than 5 %, all else not at all: a straight line is laid
through the samples, and a count grows when that line gained one and its floor rose from third to third.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import CannotStart
from deploy.local.machine import wait_until
from deploy.local.postgres import SERVICES
from operations import invariants
from tests.faults.stage import Stage
from tests.soak.browsing import Browsers
from tests.soak.report import Line, errors_in_logs, lines_of, table_of
from tests.soak.sampling import Sample, Sampler

EVERY = 10.0
JOBS_PER_SECOND = 0.4
PAGES_PER_SECOND = 4.0
WARM_UP = 1 / 3
SECONDS_TO_QUIET = 120.0
LONGEST = 180


def main(arguments: list[str] | None = None) -> int:
    """Run the soak; an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=JOBS_PER_SECOND, help="main jobs begun a second")
    parser.add_argument("--json", type=Path, help="write all samples into this file too")
    given = parser.parse_args(arguments)
    if not 2 <= given.minutes <= LONGEST:
        parser.error(f"from 2 to {LONGEST} minutes")
    try:
        samples, findings = _soak(given.minutes * 60, given.rate)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines = lines_of(samples)
    if given.json:
        _write(given.json, samples, lines, findings)
    sys.stdout.write(f"\n{table_of(lines)}\n\n")
    for finding in findings:
        sys.stdout.write(f"- {finding}\n")
    growing = [line for line in lines if line.grows]
    sys.stdout.write(f"{len(growing)} of {len(lines)} quantities grow, {len(findings)} other findings.\n")
    return 1 if growing or findings else 0


def _soak(seconds: float, rate: float) -> tuple[list[Sample], list[str]]:
    """The samples after the warm-up, and what else was found."""
    stage = Stage(log=say)
    say("starting the installation")
    stage.start()
    try:
        stage.driver.rate = rate
        browsers = Browsers(stage, PAGES_PER_SECOND)
        stage.driver.resume()
        browsers.start()
        try:
            samples = _sample(stage, seconds)
        finally:
            browsers.stop()
            stage.driver.pause()
        return samples, [*browsers.findings, *_findings(stage)]
    finally:
        stage.close()


def _sample(stage: Stage, seconds: float) -> list[Sample]:
    sampler, began = Sampler(stage), time.monotonic()
    samples: list[Sample] = []
    while (passed := time.monotonic() - began) < seconds:
        stage.rest(max(0.0, min(EVERY * (len(samples) + 1), seconds) - passed))
        samples.append(sampler.take())
        if len(samples) % 6 == 0:
            done = sum(bool(job.finished_at) for job in stage.ledger.jobs)
            say(f"{(time.monotonic() - began) / 60:.0f} min, {done} jobs finished, {stage.ledger.sign_ins} signed in")
    return [sample for sample in samples if sample.at - began >= seconds * WARM_UP]


def _findings(stage: Stage) -> list[str]:
    """What must not be found after hours without a fault."""
    installation = invariants.Installation(
        databases={service: stage.database(service) for service in SERVICES}, amqp_url=stage.broker.url
    )
    say("waiting until everything is done")
    stage.driver.wait_idle(SECONDS_TO_QUIET)
    wait_until(lambda: not invariants.under_way(installation), seconds=SECONDS_TO_QUIET, every=0.5)
    found = [f"not settled: {what}" for what in invariants.under_way(installation)]
    found += [f"breach: {breach}" for breach in invariants.check(installation).breaches]
    found += [f"{one.name} ended with {one.code}" for one in stage.supervisor.exits]
    found += stage.ledger.surprises
    jobs = stage.ledger.jobs
    unfinished = sum(1 for job in jobs if not job.finished_at)
    found += [f"{unfinished} of {len(jobs)} jobs were not finished"] if unfinished or not jobs else []
    found += [line for name in stage.programs for line in errors_in_logs(name, stage.running.log(name))]
    calls = stage.ledger.calls
    say(f"{len(jobs)} jobs, {calls.made:,} calls, the longest {calls.longest_gap:.2f} s ({calls.longest_of})")
    return found


def _write(path: Path, samples: Sequence[Sample], lines: Sequence[Line], findings: Sequence[str]) -> None:
    data = {
        "samples": [{"at": round(one.at, 1), **{" / ".join(key): v for key, v in one.held.items()}} for one in samples],
        "grows": [f"{line.owner}: {line.kind}" for line in lines if line.grows],
        "findings": list(findings),
    }
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


_BEGAN = time.monotonic()


def say(line: str) -> None:
    """Tell what is going on."""
    sys.stderr.write(f"{time.monotonic() - _BEGAN:7.1f} s  {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
