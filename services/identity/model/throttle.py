"""How failed tries slow down further ones, for each account and each network, existing or not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.model.base import Base


class Throttle(Base):
    """The recent failures of one key; the key is a keyed hash, so the table names nobody."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime]
    closed_until: Mapped[datetime]


Index("ix_throttles_last_failed_at", Throttle.last_failed_at)


@dataclass(frozen=True, kw_only=True)
class Leniency:
    """``free`` failures cost nothing, then ``first`` doubled each time up to ``longest``; forgotten in ``memory``."""

    free: int
    first: timedelta = timedelta(seconds=15)
    longest: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(hours=24)

    def delay(self, failures: int) -> timedelta:
        """How long nobody may try after so many failures in a row."""
        if failures < self.free:
            return timedelta(0)
        return min(self.longest, self.first * (1 << min(failures - self.free, 20)))
