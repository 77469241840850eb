"""What is remembered of accounts: where their pushes go and in which language."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from services.mfa.model.base import Base


class KnownAccount(Base):
    """Identity's account as its latest event told it; ``sequence`` drops what is older."""

    __tablename__ = "accounts"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    phone: Mapped[str | None]  # E.164; None where the number given is none
    language: Mapped[str] = mapped_column(default="bg")
    closed: Mapped[bool] = mapped_column(default=False)
    sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    updated_at: Mapped[datetime]

    def is_older_than(self, sequence: int | None) -> bool:
        """Whether an event with this sequence tells something new; an event without one always does."""
        return sequence is None or sequence > self.sequence
