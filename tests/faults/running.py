"""One row: warm up, inject, let everything come back, wait for quiet, compare and check."""

from __future__ import annotations

import time
from collections.abc import Iterator

import requests

from deploy.local.machine import wait_until
from deploy.local.postgres import SERVICES
from operations import invariants
from tests.faults.injections import Fault
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.faults.verifying import BREACH, Finding, repeated_letters, verify

WARM_JOBS = 2
SECONDS_TO_WARM = 60.0
SECONDS_TO_RECOVER = 200.0
SECONDS_TO_QUIET = 200.0
AFTER = 2.0
"""Seconds for which jobs go on to begin when a fault is over."""


class Runner:
    """Runs faults on one stage; what was found once is not told again."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.installation = invariants.Installation(
            databases={service: stage.database(service) for service in SERVICES}, amqp_url=stage.broker.url
        )
        self._told: set[Finding] = set()

    def run(self, fault: Fault) -> Row:
        """Run one fault to its end; never raises for what the fault does."""
        stage, row, began = self.stage, Row(fault=fault.name, injected=fault.injected), time.monotonic()
        jobs, exits = len(stage.ledger.jobs), len(stage.supervisor.exits)
        restarts, sign_ins = stage.supervisor.restarts.total(), stage.ledger.sign_ins
        put_off = stage.ledger.sign_ins_put_off
        letters = repeated_letters(stage.mail)
        stage.ledger.new_page()
        worked = time.process_time()
        try:
            self._inject(fault, row, jobs)
            self._come_to_rest(row)
            row.findings += self._compare()
        except AssertionError as error:
            row.findings.append(Finding(kind=BREACH, what=str(error)))
        except Exception as error:
            # a fault may find anything; the rows that follow shall still run
            row.findings.append(Finding(kind=BREACH, what=f"the run was broken off: {error!r}"))
        finally:
            stage.driver.pause()
        calls, surprises = stage.ledger.new_page()
        row.findings += [Finding(kind=BREACH, what=what) for what in surprises]
        for exit_ in stage.supervisor.exits_by_themselves(exits):
            row.findings.append(Finding(kind=BREACH, what=f"{exit_.name} ended by itself with {exit_.code}"))
        mine = stage.ledger.jobs[jobs:]
        row.begun, row.finished = len(mine), sum(bool(job.finished_at) for job in mine)
        row.longest_gap, row.slowest_answer = calls.longest_gap, calls.slowest_answer
        row.answers, row.unavailable_share = dict(calls.answers), calls.unavailable_share
        row.restarts = stage.supervisor.restarts.total() - restarts
        row.sign_ins = stage.ledger.sign_ins - sign_ins
        row.sign_ins_put_off = stage.ledger.sign_ins_put_off - put_off
        row.repeated_letters = repeated_letters(stage.mail) - letters
        row.seconds = time.monotonic() - began
        row.drivers_core = (time.process_time() - worked) / row.seconds
        return row

    def _inject(self, fault: Fault, row: Row, jobs: int) -> None:
        stage = self.stage
        stage.driver.resume()
        if not stage.driver.wait_finished(jobs, WARM_JOBS, SECONDS_TO_WARM):
            raise AssertionError(f"no {WARM_JOBS} jobs were finished within {SECONDS_TO_WARM:.0f} s before the fault")
        try:
            fault.run(stage)
        except AssertionError as error:
            row.findings.append(Finding(kind=BREACH, what=str(error)))
        over = time.monotonic()
        stage.rest(AFTER)
        stage.wait_ready(seconds=SECONDS_TO_RECOVER)
        wait_until(lambda: not stage.driver.unfinished(over), seconds=SECONDS_TO_RECOVER, every=0.1)
        row.recovered_in = time.monotonic() - over
        left = stage.driver.unfinished(over)
        if left:
            told = ", ".join(f"{job.number} at {job.step}" for job in left[:5])
            row.findings.append(Finding(kind=BREACH, what=f"{len(left)} jobs were not finished: {told}"))

    def _come_to_rest(self, row: Row) -> None:
        """No more jobs, and nothing on its way any more."""
        stage, began = self.stage, time.monotonic()
        stage.driver.pause()
        stage.driver.wait_idle(SECONDS_TO_RECOVER)
        waiting: list[str] = []

        def quiet() -> bool:
            waiting[:] = self.under_way()
            return not waiting

        settled = wait_until(quiet, seconds=SECONDS_TO_QUIET, every=0.5)
        row.quiet_in = time.monotonic() - began
        if not settled:
            told = "; ".join(waiting)
            row.findings.append(Finding(kind=BREACH, what=f"not settled after {SECONDS_TO_QUIET:.0f} s: {told}"))

    def under_way(self) -> list[str]:
        """What is still on its way, in words."""
        return list(invariants.under_way(self.installation))

    def _compare(self) -> Iterator[Finding]:
        stage = self.stage
        register = stage.database("notifications")
        found = verify(stage.ledger, stage.client(), stage.tokens, register=register, inbox=stage.mail)
        for breach in invariants.check(self.installation).breaches:
            what = f"{breach.invariant} {breach.service} {breach.subject}: {breach.detail}"
            found.append(Finding(kind=BREACH, what=what))
        for finding in found:
            if finding not in self._told:
                self._told.add(finding)
                yield finding


def tidy(stage: Stage) -> None:
    """Let simulators behave again, whatever a fault that broke off left them in."""
    requests.delete(f"{stage.provider}/behaviour", timeout=10).raise_for_status()
    requests.delete(f"{stage.mail}api/behaviour", timeout=10).raise_for_status()
