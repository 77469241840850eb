"""What ``/metrics`` tells of the database: asked once a scrape, beside the work, and not waited for long."""

from math import nan

from sqlalchemy import Engine, func, select

from libs.chassis.health import OK, Asked
from libs.messaging import dead_letters
from libs.messaging.looking import once_more_if_lost
from libs.messaging.tables import outbox

KEEP = 1.0
"""Seconds for which an answer holds: all figures of one scrape come from one look."""

UNPUBLISHED = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))


class Figures:
    """The figures of a service's tables; none is a number while the database is away, when metrics matter most."""

    def __init__(self, engine: Engine, *, keep: float = KEEP) -> None:
        """``engine`` should be a probe's, which holds no connection that work needs."""
        self._engine = engine
        self._asked = Asked({"figures": self._ask}, keep=keep)
        self._unpublished = self._oldest = nan
        self._letters: dict[str, float] = {}

    def unpublished(self) -> float:
        """How many events wait in the outbox."""
        return self._unpublished if self._are_known() else nan

    def letters(self) -> dict[str, float] | None:
        """How many dead letters wait for a person, by reason; None while the database is away."""
        return self._letters if self._are_known() else None

    def oldest_letter(self) -> float:
        """Seconds since the oldest waiting letter died first, 0 where none waits."""
        return self._oldest if self._are_known() else nan

    def _are_known(self) -> bool:
        self._asked.begin()
        return self._asked.report() == {"figures": OK}

    def _ask(self) -> None:
        once_more_if_lost(self._look)

    def _look(self) -> None:
        with self._engine.connect() as connection:
            self._unpublished = float(connection.execute(UNPUBLISHED).scalar_one())
            by_reason = connection.execute(dead_letters.WAITING_BY_REASON)
            self._letters = {reason: float(count) for reason, count in by_reason}
            self._oldest = float(connection.execute(dead_letters.OLDEST_SECONDS).scalar_one())
