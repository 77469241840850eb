"""The faults, a module for each group; each module holds a list `FAULTS`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.stage import Stage

GROUPS = ("processes", "critical", "events", "broker", "cluster", "postgres", "provider", "mail")
"""Modules of this package, in the order in which they are run."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of the table."""

    name: str
    injected: str
    """What is done to the installation, in a few words."""
    run: Callable[[Stage], None]
    """Does it while the main job goes on, and returns when it is over; raises AssertionError for a broken promise."""
    seconds: float
    """About how long it takes in the long run."""
    short: bool = False
    """Whether the short run has it too; `stage.short` tells it then to be brief."""


def all_faults() -> list[Fault]:
    """Every fault of every group."""
    faults: list[Fault] = []
    for group in GROUPS:
        name = f"{__name__}.{group}"
        if importlib.util.find_spec(name):
            faults += importlib.import_module(name).FAULTS
    return faults
