"""Whether the mail server is worth a try just now."""

from datetime import datetime, timedelta


class Line:
    """After the mail server was away it is left alone for a while, longer each time; then one mail finds out.

    Otherwise every mail that is queued meanwhile would knock, and each knock may last until its timeout.
    """

    def __init__(self, first: float, most: float) -> None:
        """Seconds of the first pause, and of the longest."""
        self._first = timedelta(seconds=first)
        self._most = timedelta(seconds=most)
        self._pause = self._first
        self._rests_until: datetime | None = None

    def is_worth_a_try(self, now: datetime) -> bool:
        """Whether a mail may be taken to the server."""
        return self._rests_until is None or now >= self._rests_until

    def was_away(self, now: datetime) -> datetime:
        """Nobody could be talked to: when to try again."""
        self._rests_until = now + self._pause
        self._pause = min(self._pause * 2, self._most)
        return self._rests_until

    def answered(self) -> None:
        """A mail was taken over."""
        self._rests_until = None
        self._pause = self._first
