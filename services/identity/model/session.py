"""The signed-in state of one browser."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.identity import SessionEnded
from libs.messaging.outbox import Aggregate
from services.identity.model.base import Base

SECOND_FACTOR = 2


class Session(Base, Aggregate):
    """A session of an account; of its token only the digest is known here."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    digest: Mapped[str] = mapped_column(unique=True)
    assurance_level: Mapped[int]
    device: Mapped[str]
    network: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @classmethod
    def start(
        cls, account_id: UUID, *, digest: str, device: str, network: str, now: datetime, longest: timedelta
    ) -> "Session":
        """A new session after both factors."""
        return cls(
            id=new_id(),
            account_id=account_id,
            digest=digest,
            assurance_level=SECOND_FACTOR,
            device=device,
            network=network,
            created_at=now,
            last_seen_at=now,
            expires_at=now + longest,
        )

    def ends_at(self, idle: timedelta) -> datetime:
        """When it ends by itself if nothing more happens."""
        return min(self.expires_at, self.last_seen_at + idle)

    def lives(self, now: datetime, idle: timedelta) -> bool:
        """Whether it still stands: not ended, not idle for too long, not older than allowed."""
        return self.ended_at is None and now < self.ends_at(idle)

    def end(self, now: datetime) -> None:
        """End it before its time; a second end changes nothing."""
        if self.ended_at is None:
            self.ended_at = now
            self.record(SessionEnded(session_id=self.id, account_id=self.account_id))


Index(
    "ix_sessions_account_id_living",
    Session.account_id,
    postgresql_where=Session.ended_at.is_(None),
)
Index("ix_sessions_last_seen_at", Session.last_seen_at)
