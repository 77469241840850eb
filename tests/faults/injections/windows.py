"""Deaths in the critical windows: between two steps that are no single step, at every fail point.

For the long run: `WINDOWS` says which programs of the stack have which windows, `arm` starts a program that will die
there, `has_died` tells when it has. A supervisor may start it again as any program that ended: it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from libs.messaging.fail_points import NAMES


class Programs(Protocol):
    """What is needed of a running installation."""

    def start_program(self, name: str, *, environment: Mapping[str, str] | None = None) -> Any:
        """Start a program, without waiting until it works; `environment` is added to its own."""

    def stop_program(self, name: str) -> Any:
        """Stop a program in good order."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A program of the stack and the place where it dies, at the `visit`-th time that it comes there."""

    program: str
    place: str
    visit: int = 1

    @property
    def words(self) -> str:
        """What has been done at that moment and what has not."""
        return NAMES[self.place]

    def environment(self, once_file: Path) -> dict[str, str]:
        """What makes the program die there, once for each file."""
        return {"FAIL_AT": f"{self.place}@{self.visit}", "FAIL_ONCE_FILE": str(once_file)}


WINDOWS = (
    Window(program="orders-worker", place="relay.before_publish"),
    Window(program="orders-worker", place="relay.after_publish"),
    Window(program="licensing-worker", place="relay.after_publish"),
    Window(program="orders-worker", place="consumer.after_effect"),
    Window(program="licensing-worker", place="consumer.after_effect"),
    Window(program="notifications-worker", place="consumer.after_effect", visit=3),
    Window(program="orders-rpc", place="rpc.after_effect"),
    Window(program="orders-rpc", place="rpc.after_reply"),
    Window(program="licensing-rpc", place="rpc.after_effect"),
    Window(program="identity-rpc", place="rpc.after_effect", visit=3),
    Window(program="mfa-worker", place="job.after_talk"),
)
"""The windows that the main job passes by itself. `consumer.after_pass_on` needs a handler that fails first, and a
mail server that was cut off after the message may get it twice: see `docs/guarantees.md`."""


def arm(programs: Programs, window: Window, once_file: Path) -> None:
    """Put a program in the place of the running one that dies in the window, once."""
    once_file.unlink(missing_ok=True)
    programs.stop_program(window.program)
    programs.start_program(window.program, environment=window.environment(once_file))


def has_died(once_file: Path) -> bool:
    """Whether the program has come to its window; it is dead by the time it is looked at."""
    return once_file.exists()
