"""An order from its placing to its end."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from libs.chassis.ids import new_id
from libs.contracts.base import Money
from libs.contracts.orders import (
    ORDER_STATES,
    OrderApproved,
    OrderCancelled,
    OrderDeclined,
    OrderedLine,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    PaymentReceived,
)
from libs.messaging.outbox import Aggregate
from services.orders.model.base import Base
from services.orders.model.errors import OrderClosed, OrderNotAwaitingApproval, OrderNotCancellable, OrderNotExpirable
from services.orders.model.product import Product
from services.orders.model.totals import Totals, line_net, totals_of

OPEN_FOR_PAYMENT = ("awaiting_payment", "under_paid")
_OPEN = text("state IN ('awaiting_payment', 'under_paid')")


class OrderLine(Base):
    """One product of an order with the price and the VAT it was ordered at."""

    __tablename__ = "order_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    place: Mapped[int]
    product_id: Mapped[UUID] = mapped_column(ForeignKey("products.id"))
    sku: Mapped[str]
    name: Mapped[dict[str, str]]
    kind: Mapped[str]
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    net: Mapped[Decimal]
    vat_category: Mapped[str]
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    vat_ground: Mapped[str | None]
    validity_months: Mapped[int]

    @classmethod
    def of(cls, product: Product, quantity: int, place: int) -> Self:
        """A line at the product's present price."""
        return cls(
            id=new_id(),
            place=place,
            product_id=product.id,
            sku=product.sku,
            name=product.name,
            kind=product.kind,
            quantity=quantity,
            unit_price=product.price,
            net=line_net(product.price, quantity),
            vat_category=product.vat_category,
            vat_rate=product.vat_rate,
            vat_ground=product.vat_ground,
            validity_months=product.validity_months,
        )

    def told(self) -> OrderedLine:
        """The line as other services need it."""
        return OrderedLine(
            line_id=self.id,
            product_id=self.product_id,
            sku=self.sku,
            kind=self.kind,
            quantity=self.quantity,
            validity_months=self.validity_months,
            name=self.name,
        )


class Order(Aggregate, Base):
    """A request to buy.

    `awaiting_payment` → `under_paid` → `paid`, or → `cancelled` / `expired` before any money;
    `awaiting_approval` → `approved` or `declined` where an official decides instead of a payment.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("paid >= 0", name="paid"),
        CheckConstraint(f"state IN {ORDER_STATES}", name="state"),
        Index("ix_orders_open", "expires_at", postgresql_where=_OPEN),
        Index(
            "ix_orders_owed",
            text("(gross - paid)"),
            postgresql_where=_OPEN,
        ),
        Index("ix_orders_organisation_id_id", "organisation_id", "id"),
        Index("ix_orders_without_proforma", "id", postgresql_where=text("proforma_wanted")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    reference: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[UUID]
    placed_by: Mapped[UUID]
    language: Mapped[str]
    state: Mapped[str]
    currency: Mapped[str]
    net: Mapped[Decimal]
    vat: Mapped[Decimal]
    gross: Mapped[Decimal]
    paid: Mapped[Decimal]
    placed_at: Mapped[datetime]
    due_on: Mapped[date]
    expires_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decline_reason: Mapped[str | None]
    correlation_id: Mapped[str | None]
    proforma_wanted: Mapped[bool]
    proforma_lease_until: Mapped[datetime | None]
    proforma: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    lines: Mapped[list[OrderLine]] = relationship(order_by=OrderLine.place)

    @classmethod
    def place(
        cls,
        *,
        number: str,
        reference: str,
        organisation_id: UUID,
        placed_by: UUID,
        language: str,
        lines: Sequence[OrderLine],
        currency: str,
        by_approval: bool,
        placed_at: datetime,
        due_on: date,
        expires_at: datetime,
    ) -> Self:
        """Place an order that waits for its payment, or for an official's approval."""
        totals = totals_of(lines)
        order = cls(
            id=new_id(),
            number=number,
            reference=reference,
            organisation_id=organisation_id,
            placed_by=placed_by,
            language=language,
            state="awaiting_approval" if by_approval else "awaiting_payment",
            currency=currency,
            net=totals.net,
            vat=totals.vat,
            gross=totals.gross,
            paid=Decimal("0.00"),
            placed_at=placed_at,
            due_on=due_on,
            expires_at=expires_at,
            proforma_wanted=not by_approval,
            lines=list(lines),
        )
        order.record(
            OrderPlaced(
                order_id=order.id,
                number=number,
                organisation_id=organisation_id,
                placed_by=placed_by,
                language=language,
                state=order.state,
                lines=[line.told() for line in lines],
                gross=order.money(totals.gross),
            )
        )
        if order.takes_payment and not totals.gross:
            order.state, order.proforma_wanted = "paid", False
            order._settle(placed_at)
        return order

    @property
    def totals(self) -> Totals:
        """The sums by VAT category."""
        return totals_of(self.lines)

    @property
    def owed(self) -> Decimal:
        """What is still missing."""
        return max(self.gross - self.paid, Decimal("0.00")) if self.takes_payment else Decimal("0.00")

    @property
    def credit(self) -> Decimal:
        """What was paid too much."""
        return max(self.paid - self.gross, Decimal("0.00"))

    @property
    def takes_payment(self) -> bool:
        """Whether the order waits for money."""
        return self.state in OPEN_FOR_PAYMENT

    @property
    def can_cancel(self) -> bool:
        """Whether the orderer may still take it back."""
        return self.state in ("awaiting_payment", "awaiting_approval")

    def money(self, amount: Decimal) -> Money:
        """A sum in the order's currency."""
        return Money(amount=amount, currency=self.currency)

    def receive(self, amount: Decimal, now: datetime) -> None:
        """Take in a payment; the one that makes the sum whole settles the order, more becomes a credit.

        Raises `OrderClosed` where the order was cancelled, expired, declined or approved.
        """
        if not self.takes_payment and self.state != "paid":
            raise OrderClosed(params={"number": self.number, "state": self.state})
        was_paid = self.state == "paid"
        self.paid += amount
        self.state = "paid" if self.paid >= self.gross else "under_paid"
        self.record(
            PaymentReceived(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
                amount=self.money(amount),
                paid=self.money(self.paid),
                owed=self.money(self.owed),
                credit=self.money(self.credit),
            )
        )
        if self.state == "paid" and not was_paid:
            self._settle(now)

    def approve(self, official: UUID, now: datetime) -> None:
        """An official approves; raises `OrderNotAwaitingApproval` where that was decided already."""
        self._require_awaiting_approval()
        self.state, self.decided_by, self.settled_at = "approved", official, now
        self.record(
            OrderApproved(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
                lines=[line.told() for line in self.lines],
                approved_by=official,
                approved_at=now,
            )
        )

    def decline(self, official: UUID, reason: str) -> None:
        """An official declines with a reason; raises `OrderNotAwaitingApproval` where that was decided already."""
        self._require_awaiting_approval()
        self.state, self.decided_by, self.decline_reason = "declined", official, reason
        self.record(
            OrderDeclined(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
                reason=reason,
            )
        )

    def cancel(self) -> None:
        """The orderer takes it back; raises `OrderNotCancellable` once money came in or it was decided."""
        if not self.can_cancel:
            raise OrderNotCancellable(params={"number": self.number, "state": self.state})
        self.state, self.proforma_wanted = "cancelled", False
        self.record(
            OrderCancelled(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
            )
        )

    def expire(self) -> None:
        """Nothing was paid in time; raises `OrderNotExpirable` where something was, or where it has ended."""
        if self.state != "awaiting_payment":
            raise OrderNotExpirable(params={"number": self.number, "state": self.state})
        self.state, self.proforma_wanted = "expired", False
        self.record(
            OrderExpired(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
            )
        )

    def _settle(self, now: datetime) -> None:
        self.settled_at = now
        self.record(
            OrderPaid(
                order_id=self.id,
                number=self.number,
                organisation_id=self.organisation_id,
                placed_by=self.placed_by,
                lines=[line.told() for line in self.lines],
                paid_at=now,
            )
        )

    def _require_awaiting_approval(self) -> None:
        if self.state != "awaiting_approval":
            raise OrderNotAwaitingApproval(params={"number": self.number, "state": self.state})
