"""Whether a series of numbers grows: a straight line through it, and its floor from part to part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression

PARTS = 3
LEAST_SAMPLES = 2 * PARTS


@dataclass(frozen=True, kw_only=True)
class Trend:
    """What became of one quantity from the end of the warm-up to the end."""

    first: float
    """Where the fitted line begins."""
    last: float
    """Where it ends."""
    least: float
    most: float
    rises: bool
    """Whether each part of the time has a higher floor than the one before: one step up is no trend, and no peak is."""

    @property
    def growth(self) -> float:
        """What the fitted line gained."""
        return self.last - self.first

    @property
    def share(self) -> float:
        """The same as a part of where it began."""
        return self.growth / self.first if self.first > 0 else 0.0


def trend_of(times: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line; raises :class:`ValueError` where there is too little to say anything."""
    if len(values) < LEAST_SAMPLES:
        raise ValueError(f"{len(values)} samples say nothing, {LEAST_SAMPLES} are needed")
    if len(set(values)) == 1:
        first = last = float(values[0])
    else:
        slope, intercept = linear_regression(times, values)
        first, last = intercept + slope * times[0], intercept + slope * times[-1]
    size = len(values) / PARTS
    floors = [min(values[round(part * size) : round((part + 1) * size)]) for part in range(PARTS)]
    rises = all(after > before for before, after in pairwise(floors))
    return Trend(first=first, last=last, least=min(values), most=max(values), rises=rises)


def grows_in_number(trend: Trend) -> bool:
    """Things that are counted: one more than before, and the floor keeps rising."""
    return trend.rises and trend.growth >= 1


def grows_in_size(trend: Trend, *, share: float) -> bool:
    """Memory: such a share more than before."""
    return trend.share >= share
