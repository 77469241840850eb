"""How often a person may be asked: the defence against pushes sent until one is approved by mistake."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class PushPolicy:
    """Cool-downs grow with each refusal in a row; pushes are counted in a sliding window."""

    most_pushes: int = 3
    window: timedelta = timedelta(minutes=10)
    cool_downs: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
    )
    memory: timedelta = timedelta(hours=24)

    def retry_at(self, now: datetime, *, asked: Sequence[datetime], refused: Sequence[datetime]) -> datetime | None:
        """When the next push may go out, or None where it may go now.

        ``asked``: when pushes went out that were not approved; ``refused``: when the person refused, since the last
        approval.
        """
        waits = [self._end_of_cool_down(refused), self._end_of_window(now, asked)]
        later = [instant for instant in waits if instant is not None and instant > now]
        return max(later, default=None)

    def _end_of_cool_down(self, refused: Sequence[datetime]) -> datetime | None:
        if not refused:
            return None
        return max(refused) + self.cool_downs[min(len(refused), len(self.cool_downs)) - 1]

    def _end_of_window(self, now: datetime, asked: Sequence[datetime]) -> datetime | None:
        recent = sorted(instant for instant in asked if instant > now - self.window)
        if len(recent) < self.most_pushes:
            return None
        return recent[-self.most_pushes] + self.window
