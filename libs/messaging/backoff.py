"""Growing, uneven pauses between attempts to reach something that is down."""

import random


class Backoff:
    """Pauses in seconds that double from ``first`` to ``most``, spread so that nobody marches in step."""

    def __init__(self, first: float = 0.2, most: float = 10.0) -> None:
        self._first = first
        self._most = most
        self._pause = first

    def next(self) -> float:
        """The next pause."""
        pause, self._pause = self._pause, min(self._pause * 2, self._most)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load, guards nothing

    def reset(self) -> None:
        """It worked: begin small next time."""
        self._pause = self._first
