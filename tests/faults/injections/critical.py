"""Deaths in every critical window, under load: each program dies where nothing must be torn, and is started again."""

from __future__ import annotations

from deploy.local.machine import wait_until
from tests.faults.injections import Fault
from tests.faults.injections.windows import WINDOWS, Window, has_died
from tests.faults.stage import GRACE, Stage

SECONDS_TO_DIE = 40.0
IN_SHORT = {"relay.after_publish", "consumer.after_effect", "rpc.after_effect"}


def die_in_every_window(stage: Stage) -> None:
    """One window after the other."""
    windows = list(WINDOWS)
    if stage.short:
        windows = [next(one for one in WINDOWS if one.place == place) for place in sorted(IN_SHORT)]
    for number, window in enumerate(windows):
        _die_in(stage, window, number)


def _die_in(stage: Stage, window: Window, number: int) -> None:
    once_file = stage.folder / f"died-{number}"
    with stage.supervisor.held(window.program):
        child = stage.child(window.program)
        stage.running.stop_program(window.program)
        assert child.exit_code == 0, f"{window.program} ended with {child.exit_code} within {GRACE:.0f} s of SIGTERM"
        stage.running.start_program(window.program, environment=window.environment(once_file))
    # the supervisor starts it again without the order to die
    died = wait_until(lambda: has_died(once_file), seconds=SECONDS_TO_DIE)
    assert died, f"{window.program} did not come to {window.place} within {SECONDS_TO_DIE:.0f} s"
    stage.wait_ready(window.program)


FAULTS = [
    Fault(
        name="critical-windows",
        injected="death between two steps, at each fail point",
        run=die_in_every_window,
        seconds=110,
        short=True,
    ),
]
