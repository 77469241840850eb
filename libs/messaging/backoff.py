"""Growing, uneven pauses between attempts to reach something that is down."""

import random

from libs.chassis.waits import broker_waits


class Backoff:
    """Pauses in seconds that double from ``first`` to ``most``, spread so that nobody marches in step.

    ``most`` is ``AMQP_LONGEST_PAUSE`` where it is not given.
    """

    def __init__(self, first: float = 0.2, most: float | None = None) -> None:
        self._first = first
        self._most = broker_waits().longest_pause if most is None else most
        self._pause = first

    def next(self) -> float:
        """The next pause."""
        pause, self._pause = self._pause, min(self._pause * 2, self._most)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load, guards nothing

    def reset(self) -> None:
        """It worked: begin small next time."""
        self._pause = self._first
