"""What a run leaves to chance comes from one seed, which is printed, so that the run can be made again."""

from __future__ import annotations

import random
import secrets

_random = random.Random()


def begin(seed: int | None = None) -> int:
    """Begin with this seed, or with a new one; the seed."""
    chosen = seed if seed is not None else secrets.randbelow(1_000_000)
    _random.seed(chosen)
    return chosen


def source() -> random.Random:
    """The run's source of chance; for the thread of the faults alone."""
    return _random
