"""Bank statements and the transfers in them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.orders import BankStatementProgressed
from libs.messaging.outbox import Aggregate
from services.orders.model.base import Base
from services.orders.model.errors import TransactionNotUnmatched

LEASE = timedelta(seconds=30)
"""How long a statement whose worker died waits for another; the living renew it with each of their small steps."""
_UNFINISHED = sql("state NOT IN ('done', 'failed')")


class BankStatement(Aggregate, Base):
    """A file of transfers on its way in: `waiting` → `reading` → `matching` → `done`, or `failed` with a reason.

    The worker that holds the lease is the only one that may change it; a worker that died leaves a lease that ends.
    """

    __tablename__ = "bank_statements"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'reading', 'matching', 'done', 'failed')", name="state"),
        Index("ix_bank_statements_unfinished", "id", postgresql_where=_UNFINISHED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    filename: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    uploaded_at: Mapped[datetime]
    uploaded_by: Mapped[UUID]
    entries: Mapped[int] = mapped_column(default=0)
    matched: Mapped[int] = mapped_column(default=0)
    unmatched: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    outgoing: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None]
    reason_params: Mapped[dict[str, str]]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    correlation_id: Mapped[str | None]
    lease_owner: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]

    def lease(self, owner: UUID, now: datetime) -> None:
        """Take or keep the statement for a while."""
        self.lease_owner, self.lease_until = owner, now + LEASE

    def release(self, until: datetime) -> None:
        """Let another attempt begin after a pause."""
        self.lease_owner, self.lease_until = None, until

    def begin_reading(self) -> None:
        """Read from the beginning, whatever a worker before us has read."""
        self.entries, self.progress = 0, 0
        self._enter("reading")

    def begin_matching(self, *, duplicates: int, outgoing: int) -> None:
        """All entries are in; now they look for their orders."""
        self.duplicates, self.outgoing, self.progress = duplicates, outgoing, 50
        self._enter("matching")

    def recount(self, *, matched: int) -> None:
        """A person took a transfer out of the queue: `matched` is one where it pays an order."""
        self.unmatched -= 1
        self.matched += matched

    def finish(self, now: datetime) -> None:
        """Every entry found its order or its queue."""
        self.progress, self.finished_at, self.lease_until = 100, now, None
        self._enter("done")

    def fail(self, reason: str, params: dict[str, str], now: datetime) -> None:
        """The file cannot be taken in; nothing of it was."""
        self.reason, self.reason_params, self.finished_at, self.lease_until = reason, params, now, None
        self.entries, self.progress = 0, 100
        self._enter("failed")

    def _enter(self, state: str) -> None:
        self.state = state
        self.record(BankStatementProgressed(statement_id=self.id, state=state))


class BankTransaction(Base):
    """A transfer, incoming or outgoing, once however often its statement is uploaded.

    `pending` until its statement is matched, then `unmatched` with a reason, or `matched`; a person may match it by
    hand or discard it, and what a person did stays. `outgoing` ones concern nobody here.
    """

    __tablename__ = "bank_transactions"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'unmatched', 'matched', 'discarded', 'outgoing')", name="state"),
        CheckConstraint("(state = 'matched') = (order_id IS NOT NULL)", name="matched_order"),
        Index("ix_bank_transactions_pending", "statement_id", "position", postgresql_where=sql("state = 'pending'")),
        Index("ix_bank_transactions_state_id", "state", "id"),
        Index("ix_bank_transactions_statement_id_state", "statement_id", "state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("bank_statements.id"))
    position: Mapped[int]
    account: Mapped[str]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    booked_on: Mapped[date]
    payer_name: Mapped[str]
    payer_iban: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    structured_reference: Mapped[str]
    end_to_end_id: Mapped[str]
    collective: Mapped[bool]
    reversal: Mapped[bool]
    state: Mapped[str]
    why: Mapped[str | None]
    suggestions: Mapped[list[str]]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    matched_by: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None]

    def match(self, order_id: UUID, matched_by: str, now: datetime) -> None:
        """It pays this order; `matched_by` names the evidence."""
        self._require_open()
        self.state, self.why, self.order_id = "matched", None, order_id
        self.matched_by, self.decided_at = matched_by, now

    def match_by_hand(self, order_id: UUID, person: UUID, now: datetime) -> None:
        """A person says that it pays this order."""
        self.match(order_id, "hand", now)
        self.decided_by = person

    def queue(self, why: str, suggestions: list[str]) -> None:
        """A person has to look at it."""
        self._require_open()
        self.state, self.why, self.suggestions = "unmatched", why, suggestions

    def discard(self, person: UUID, note: str, now: datetime) -> None:
        """A person says that it concerns no order."""
        self._require_open()
        self.state, self.note, self.decided_by, self.decided_at = "discarded", note, person, now

    def _require_open(self) -> None:
        if self.state not in ("pending", "unmatched"):
            raise TransactionNotUnmatched(params={"state": self.state})


class StagedEntry(Base):
    """An entry of a statement that is still being read; gone when the reading ends, well or ill."""

    __tablename__ = "staged_entries"

    statement_id: Mapped[UUID] = mapped_column(ForeignKey("bank_statements.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    key: Mapped[str]
    account: Mapped[str]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    booked_on: Mapped[date]
    payer_name: Mapped[str]
    payer_iban: Mapped[str]
    text: Mapped[str]
    structured_reference: Mapped[str]
    end_to_end_id: Mapped[str]
    collective: Mapped[bool]
    reversal: Mapped[bool]
    outgoing: Mapped[bool]


class KnownPayer(Base):
    """An account from which an organisation has paid before, learned from sure matches."""

    __tablename__ = "known_payers"

    iban: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    learned_at: Mapped[datetime]


COPIED: tuple[str, ...] = (
    "id", "key", "statement_id", "position", "account", "amount", "currency", "booked_on", "payer_name", "payer_iban",
    "text", "structured_reference", "end_to_end_id", "collective", "reversal",
)  # fmt: skip
"""The columns a staged entry hands on to its transaction."""


def staged_values(statement_id: UUID, entry: Any, fallback_day: date) -> dict[str, Any]:
    """The row of an entry as read from the file; texts are cut to what a page can show."""
    return {
        "id": new_id(),
        "statement_id": statement_id,
        "position": entry.position,
        "key": entry.key,
        "account": entry.account[:40],
        "amount": entry.amount,
        "currency": entry.currency,
        "booked_on": entry.booked_on or entry.valued_on or fallback_day,
        "payer_name": (entry.payer_name or "")[:140],
        "payer_iban": entry.payer_iban or "",
        "text": "\n".join(entry.remittance)[:2_000].replace("\x00", ""),
        "structured_reference": (entry.structured_reference or "")[:140],
        "end_to_end_id": (entry.end_to_end_id or "")[:140],
        "collective": entry.collective,
        "reversal": entry.reversal,
        "outgoing": not entry.credit,
    }
