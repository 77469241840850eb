"""The broker away, frozen, or out of memory: pages answer in time, what is committed stays and goes out later."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from functools import partial

from tests.faults.injections import Fault
from tests.faults.stage import Stage

LONGEST_ANSWER = 5.0
SLACK = 2.0
"""Seconds that a busy machine of two cores may add to an answer."""
SLACK_OF_TESTS = 6.0
MORE_THREADS = 4


def away(seconds: float, stage: Stage) -> None:
    """The broker is stopped for so long."""
    _without(stage, stage.broker.stopped(), seconds)


def frozen(stage: Stage) -> None:
    """The broker's process is frozen: connections stay open, nothing moves."""
    _without(stage, stage.broker.frozen(), 6 if stage.short else 30)


def memory_alarm(stage: Stage) -> None:
    """The broker takes nothing from publishers."""
    _without(stage, stage.broker.memory_alarm(), 6 if stage.short else 30)


def _without(stage: Stage, fault: AbstractContextManager[None], seconds: float) -> None:
    """While the fault lasts the gateway answers in time; afterwards nobody hangs and nobody has died."""
    before, exits = stage.census(), len(stage.supervisor.exits)
    stage.ledger.forget_slowest()
    with fault:
        stage.rest(seconds)
    slowest = stage.ledger.calls.slowest_answer
    most = LONGEST_ANSWER + (SLACK_OF_TESTS if stage.short else SLACK)
    assert slowest <= most, f"an answer took {slowest:.1f} s meanwhile"
    began = time.monotonic()
    stage.wait_ready()
    stage.log(f"all programs were ready {time.monotonic() - began:.1f} s after the broker came back")
    ended = [one.name for one in stage.supervisor.exits[exits:]]
    assert not ended, f"processes ended: {ended}"
    after = stage.census()
    # the gateway makes its threads as they are needed
    grown = {name: (before[name], count) for name, count in after.items() if count > before[name] + MORE_THREADS}
    grown.pop("gateway", None)
    assert not grown, f"threads before and after: {grown}"


FAULTS = [
    Fault(name="broker-away-2", injected="broker stopped for 2 s", run=partial(away, 2.0), seconds=20, short=True),
    Fault(name="broker-away-25", injected="broker stopped for 25 s", run=partial(away, 25.0), seconds=50),
    Fault(name="broker-away-120", injected="broker stopped for 120 s", run=partial(away, 120.0), seconds=150),
    Fault(name="broker-frozen", injected="broker frozen (SIGSTOP) for 30 s", run=frozen, seconds=50, short=True),
    Fault(name="broker-memory", injected="memory alarm of the broker for 30 s", run=memory_alarm, seconds=50),
]
