"""What is on sale."""

from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from libs.chassis.ids import new_id
from libs.contracts.base import load
from libs.contracts.orders import ModuleView, ProductPublished
from libs.messaging.outbox import Aggregate
from services.orders.model.base import Base


class Product(Aggregate, Base):
    """A product of the catalogue; price, VAT and hours are the operator's data."""

    __tablename__ = "products"
    __table_args__ = (CheckConstraint("price >= 0", name="price"), CheckConstraint("vat_rate >= 0", name="vat_rate"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[dict[str, str]]
    description: Mapped[dict[str, str]]
    kind: Mapped[str]
    price: Mapped[Decimal]
    currency: Mapped[str]
    vat_category: Mapped[str]
    vat_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    vat_ground: Mapped[str | None]
    validity_months: Mapped[int]
    choose_modules: Mapped[bool]
    minutes_required: Mapped[int]
    hours_rule: Mapped[str]
    modules: Mapped[list[Any]]
    place: Mapped[int]
    on_sale: Mapped[bool]

    @classmethod
    def blank(cls, sku: str) -> Self:
        """A product of which nothing is known yet but its name in the books."""
        return cls(id=new_id(), sku=sku)

    def publish(self, facts: dict[str, Any]) -> bool:
        """Take over what the operator says of the product; tell it if that changed anything."""
        changed = {name: value for name, value in facts.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self.record(
                ProductPublished(
                    product_id=self.id,
                    sku=self.sku,
                    name=self.name,
                    kind=self.kind,
                    choose_modules=self.choose_modules,
                    minutes_required=self.minutes_required,
                    hours_rule=self.hours_rule,
                    modules=self.module_views,
                )
            )
        return bool(changed)

    @property
    def module_views(self) -> list[ModuleView]:
        """The modules as the contract tells them."""
        return [load(ModuleView, module) for module in self.modules]
