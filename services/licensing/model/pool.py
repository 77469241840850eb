"""The counted stock of one product in one organisation: a row for every seat."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from services.licensing.model.base import Base


class SeatPool(Base):
    """The seats of one product in one organisation; its row is what assigning locks."""

    __tablename__ = "seat_pools"
    __table_args__ = (UniqueConstraint("organisation_id", "product_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    product_id: Mapped[UUID]
    sku: Mapped[str]
    kind: Mapped[str]


class Grant(Base):
    """The seats of one order line; its key makes sure that a line is granted once."""

    __tablename__ = "grants"

    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(index=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("seat_pools.id"))
    quantity: Mapped[int]
    valid_until: Mapped[date]
    granted_at: Mapped[datetime]


class Seat(Base):
    """One place for one person; free while no assignment holds it."""

    __tablename__ = "seats"

    # not a UUIDv7: seats come by the hundred thousand in one statement and never leave this service
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    pool_id: Mapped[UUID] = mapped_column(ForeignKey("seat_pools.id"))
    line_id: Mapped[UUID] = mapped_column(ForeignKey("grants.line_id"))
    valid_until: Mapped[date]
    assignment_id: Mapped[UUID | None] = mapped_column(ForeignKey("assignments.id", use_alter=True), unique=True)


Index("ix_seats_free", Seat.pool_id, Seat.valid_until, Seat.id, postgresql_where=Seat.assignment_id.is_(None))
Index("ix_seats_pool_id_valid_until", Seat.pool_id, Seat.valid_until)
