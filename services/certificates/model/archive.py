"""One ZIP with an organisation's certificates, made in the background."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.documents import StoredDocument
from libs.chassis.ids import new_id
from libs.contracts.base import DocumentView
from libs.contracts.certificates import ArchiveProgressed
from libs.messaging.outbox import Aggregate
from services.certificates.model.base import Base

WAITING, PACKING, READY, FAILED = "waiting", "packing", "ready", "failed"
LEASE = timedelta(minutes=2)
MOST_TRIES = 3


class Archive(Aggregate, Base):
    """``waiting``, ``packing``, then ``ready`` or ``failed``; a lease lets another worker take over from a dead one."""

    __tablename__ = "archives"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'packing', 'ready', 'failed')", name="state"),
        Index(
            "uq_archives_unfinished",
            "organisation_id",
            "requested_by",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'packing')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default=WAITING)
    certificates: Mapped[int] = mapped_column(default=0)
    packed: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    filename: Mapped[str | None]
    document_key: Mapped[str | None]
    document_sha256: Mapped[str | None]
    document_size: Mapped[int | None]

    @property
    def next_key(self) -> str:
        """Where this try puts its file; a try that died may have left one of other bytes."""
        return f"certificates/archives/{self.id}-{self.tries}.zip"

    @property
    def document(self) -> DocumentView | None:
        """The finished ZIP."""
        if not (self.document_key and self.filename and self.document_sha256 and self.document_size):
            return None
        return DocumentView(
            key=self.document_key,
            filename=self.filename,
            content_type="application/zip",
            sha256=self.document_sha256,
            size=self.document_size,
        )

    def begin(self, *, certificates: int, missing: int, now: datetime) -> None:
        """A worker takes it, for the time of a lease."""
        self.state, self.tries, self.packed = PACKING, self.tries + 1, 0
        self.certificates, self.missing = certificates, missing
        self.leased_until = now + LEASE
        self._tell()

    def progress(self, packed: int, now: datetime) -> None:
        """So many are packed; the worker is alive."""
        self.packed, self.leased_until = packed, now + LEASE

    def finish(self, stored: StoredDocument, filename: str) -> None:
        """The file is stored."""
        self.state, self.leased_until, self.packed = READY, None, self.certificates
        self.document_key, self.filename = stored.key, filename
        self.document_sha256, self.document_size = stored.sha256, stored.size
        self._tell()

    def stumble(self, now: datetime) -> None:
        """Packing failed: once more after a while, then no more."""
        if self.tries >= MOST_TRIES:
            self.state, self.leased_until = FAILED, None
            self._tell()
        else:
            self.leased_until = now + timedelta(seconds=5)

    def _tell(self) -> None:
        self.record(ArchiveProgressed(archive_id=self.id, state=self.state))
