"""Processes killed, ended and doubled while they work."""

from __future__ import annotations

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.faults import chance
from tests.faults.injections import Fault
from tests.faults.stage import GRACE, Stage

KILL_EVERY = 3.0
SECONDS_OF_KILLING = 300.0
MOST_UNAVAILABLE = 0.001
FAILED = ("429", "502", "503", "504", "no answer", "refused")
SLACK_OF_TESTS = 5
"""Calls that may be told 503 in the short run, whose few calls and starting programs share two cores."""


def kill_anybody(stage: Stage) -> None:
    """SIGKILL to a random process of the product every three seconds.

    The death of the gateway's first process takes its workers along, as the end of a container's first process does.
    """
    random, deadline = chance.source(), time.monotonic() + (30.0 if stage.short else SECONDS_OF_KILLING)
    killed = 0
    while time.monotonic() < deadline:
        families = [family for family in map(stage.family, stage.programs) if family]
        victim, family = random.choice([(one, family) for family in families for one in family])
        for one in family if victim is family[0] else [victim]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        killed += 1
        stage.rest(KILL_EVERY)
    stage.log(f"{killed} processes were killed")


def end_each_at_work(stage: Stage) -> None:
    """SIGTERM to each process in turn while it works: it ends with 0 within the grace period."""
    names = stage.programs
    if stage.short:
        names = ["orders-rpc", "orders-worker", "notifications-worker"]
    codes: dict[str, int | None] = {}
    for name in names:
        codes[name] = stage.terminate(name)
        if name.endswith(("-worker", "gateway")):  # a service's two processes come back together
            stage.wait_ready()
    bad = {name: code for name, code in codes.items() if code != 0}
    assert not bad, f"exit codes after SIGTERM (None: not within {GRACE:.0f} s): {bad}"


def restart_one_by_one(stage: Stage) -> None:
    """A rolling restart: a second copy of each program stands in while the first is restarted.

    Users reach the gateway that is not being restarted, as behind a load balancer.
    """
    for service in ["orders"] if stage.short else stage.services:
        names = [f"{service}-rpc", f"{service}-worker"]
        copies = add_copies(stage, names)
        codes = {name: stage.terminate(name) for name in names}
        stage.wait_ready(*names)
        codes |= {copy: stage.remove_copy(copy) for copy in copies}
        assert set(codes.values()) == {0}, f"exit codes after SIGTERM: {codes}"
    _restart_gateway(stage)
    calls = stage.ledger.calls
    failed = {outcome: count for outcome, count in calls.answers.items() if outcome in FAILED}
    share = sum(failed.values()) / max(1, calls.tries)
    most = max(1.0, calls.tries * MOST_UNAVAILABLE) + (SLACK_OF_TESTS if stage.short else 0)
    assert sum(failed.values()) <= most, f"not served: {share:.2%} of {calls.tries} tries: {failed}"


def _restart_gateway(stage: Stage) -> None:
    copy = stage.add_copy("gateway")
    addresses, first = stage.driver.addresses, list(stage.driver.addresses)
    addresses[:] = [stage.program(copy).ready_url.removesuffix("/readyz")]
    try:
        code = stage.terminate("gateway")
        stage.wait_ready("gateway")
    finally:
        addresses[:] = first
    copy_code = stage.remove_copy(copy)
    assert (code, copy_code) == (0, 0), f"the gateway ended with {code}, its copy with {copy_code}"


def add_copies(stage: Stage, names: list[str]) -> list[str]:
    """Second copies of these programs, two started at a time, for there are two cores."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(stage.add_copy, names))


def two_of_each(stage: Stage) -> None:
    """Two relays and two consumers of each service at once; one of them is killed in between."""
    names = [name for name in stage.programs if name.endswith("-worker")]
    if stage.short:
        names = ["orders-worker", "licensing-worker"]
    copies = add_copies(stage, names)
    stage.rest(4 if stage.short else 12)
    stage.kill(chance.source().choice(copies))
    stage.rest(3)
    stage.wait_ready()
    for copy in copies:
        stage.remove_copy(copy)


FAULTS = [
    Fault(
        name="kill-anybody",
        injected="SIGKILL to a random process every 3 s",
        run=kill_anybody,
        seconds=SECONDS_OF_KILLING + 40,
        short=True,
    ),
    Fault(
        name="end-at-work",
        injected="SIGTERM to each process with work in flight",
        run=end_each_at_work,
        seconds=70,
    ),
    Fault(
        name="rolling-restart",
        injected="each program restarted in turn beside a copy",
        run=restart_one_by_one,
        seconds=120,
    ),
    Fault(
        name="two-of-each",
        injected="two relays and consumers of each service",
        run=two_of_each,
        seconds=70,
        short=True,
    ),
]
