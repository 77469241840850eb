"""What proves an account: the digest of a chosen or an issued password."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.identity.model.base import Base


class Credential(Base):
    """The one password of an account; an issued one expires, and dies after too many failures."""

    __tablename__ = "credentials"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    digest: Mapped[str]
    set_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)

    @property
    def is_temporary(self) -> bool:
        """Whether the password was issued and must be changed."""
        return self.expires_at is not None

    def issue(self, digest: str, now: datetime, lifetime: timedelta) -> None:
        """Put an issued password in place of whatever was there."""
        self.digest, self.set_at, self.expires_at, self.failures = digest, now, now + lifetime, 0

    def choose(self, digest: str, now: datetime) -> None:
        """Put the holder's own password in place; the issued one is dead from here on."""
        self.digest, self.set_at, self.expires_at, self.failures = digest, now, None, 0


def is_dead(expires_at: datetime | None, failures: int, now: datetime, most_failures: int) -> bool:
    """Whether an issued password has died of age or of failures; a chosen one never does."""
    return expires_at is not None and (now >= expires_at or failures >= most_failures)
