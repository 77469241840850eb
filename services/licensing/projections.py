"""What licensing remembers of the catalogue and of people: ids and rules, no personal data."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from libs.contracts.base import dump
from libs.contracts.identity import AccountChanged, AccountClosed, AccountIssued
from libs.contracts.orders import ProductPublished
from libs.messaging.work import Work
from services.licensing.model.base import Base
from services.licensing.model.selection import Choosable, ModuleRule


class Product(Base):
    """A product as it is sold now."""

    __tablename__ = "products"

    product_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[dict[str, str]]
    kind: Mapped[str]
    choose_modules: Mapped[bool]
    minutes_required: Mapped[int]
    hours_rule: Mapped[str]
    modules: Mapped[list[Any]]
    sequence: Mapped[int] = mapped_column(BigInteger)

    @property
    def rule(self) -> ModuleRule:
        """What the product asks of a choice of modules."""
        return ModuleRule(
            modules=[Choosable(code=m["code"], name=m["name"], minutes=m["minutes"]) for m in self.modules],
            choose=self.choose_modules,
            minutes_required=self.minutes_required,
            hours_rule=self.hours_rule,
        )


class Person(Base):
    """Which organisation an account belongs to, and whether it is closed."""

    __tablename__ = "people"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(index=True)
    closed: Mapped[bool] = mapped_column(default=False)
    sequence: Mapped[int] = mapped_column(BigInteger)


def remember_product(work: Work, event: ProductPublished) -> None:
    """Keep the product unless a later state of it is known already."""
    row = dump(event) | {"product_id": event.product_id, "sequence": work.sequence or 0}
    statement = insert(Product).values(row)
    newer = {name: statement.excluded[name] for name in row if name != "product_id"}
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Product.product_id], set_=newer, where=Product.sequence <= statement.excluded.sequence
        )
    )


def remember_person(work: Work, event: AccountIssued | AccountChanged) -> None:
    """Keep whose person the account is, unless something later is known already."""
    statement = insert(Person).values(
        account_id=event.account_id, organisation_id=event.organisation_id, closed=False, sequence=work.sequence or 0
    )
    work.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Person.account_id],
            set_={"organisation_id": statement.excluded.organisation_id, "sequence": statement.excluded.sequence},
            where=Person.sequence <= statement.excluded.sequence,
        )
    )


def close_person(work: Work, event: AccountClosed) -> None:
    """A closed account gets no seats; that stays so whatever arrives late."""
    # sequence 0: the closing tells nothing of the organisation, so what tells it must still be let in
    statement = insert(Person).values(account_id=event.account_id, organisation_id=None, closed=True, sequence=0)
    work.session.execute(statement.on_conflict_do_update(index_elements=[Person.account_id], set_={"closed": True}))
