"""The tax document of a paid order."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from services.orders.model.base import Base


class Invoice(Base):
    """An issued invoice: its number is taken with the row, its PDF is set after that from `content` alone.

    `content` freezes supplier, buyer, lines and sums, so that a second setting gives the same bytes whatever the
    organisation is called by then.
    """

    __tablename__ = "invoices"
    __table_args__ = (Index("ix_invoices_without_document", "id", postgresql_where=text("document IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), unique=True)
    issued_on: Mapped[date]
    issued_at: Mapped[datetime]
    content: Mapped[dict[str, Any]]
    correlation_id: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
