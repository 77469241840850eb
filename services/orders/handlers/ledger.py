"""What a batch of transfers may be about, fetched by three questions and not by several for each transfer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.orders.model import BankTransaction, KnownPayer, Order
from services.orders.model.evidence import Evidence, evidence_in, reference_of
from services.orders.model.order import OPEN_FOR_PAYMENT
from services.orders.projections import Organisation

# So many open orders of one sum tell nothing, whoever pays; only the bound matters.
_MOST_OF_ONE_SUM = 2_000


@dataclass(slots=True)
class Item:
    """An order as far as matching must know it."""

    id: UUID
    number: str
    reference: str
    organisation_id: UUID
    organisation_name: str
    state: str
    owed: Decimal

    @property
    def takes_payment(self) -> bool:
        """Whether the order waits for money."""
        return self.state in OPEN_FOR_PAYMENT


@dataclass(frozen=True, slots=True)
class Told:
    """What the texts of one transfer say, by the place where they say it."""

    structured: Evidence
    text: Evidence
    end_to_end: Evidence

    @classmethod
    def by(cls, transaction: BankTransaction) -> "Told":
        """Read the texts of a transfer."""
        return cls(
            structured=evidence_in(transaction.structured_reference),
            text=evidence_in(transaction.text),
            end_to_end=evidence_in(transaction.end_to_end_id),
        )

    @property
    def places(self) -> tuple[tuple[str, Evidence], ...]:
        """The places in order of trust."""
        return (
            ("structured_reference", self.structured),
            ("reference", self.text),
            ("end_to_end_id", self.end_to_end),
        )


class Ledger:
    """Orders and payers that the transfers of one batch may concern."""

    def __init__(self, session: Session, transactions: Sequence[BankTransaction]) -> None:
        self._session = session
        self._told = {transaction.id: Told.by(transaction) for transaction in transactions}
        self._items: dict[UUID, Item] = {}
        self._by_reference = {item.reference: item for item in self._named()}
        self._by_sum = self._of_sums({transaction.amount for transaction in transactions})
        self._payers = self._known({transaction.payer_iban for transaction in transactions} - {""})

    def told(self, transaction: BankTransaction) -> Told:
        """What the transfer's texts say."""
        return self._told[transaction.id]

    def of_references(self, wanted: Iterable[str]) -> list[Item]:
        """The orders of these references, oldest first."""
        found = {item.id: item for reference in wanted if (item := self._by_reference.get(reference))}
        return [found[key] for key in sorted(found)]

    def of_numbers(self, numbers: Iterable[str]) -> list[Item]:
        """The orders of these numbers, oldest first."""
        return self.of_references(reference_of(number) for number in numbers)

    def owing(self, amount: Decimal) -> list[Item]:
        """Open orders that still owe exactly this sum, oldest first."""
        return [item for item in self._by_sum.get(amount, ()) if item.takes_payment and item.owed == amount]

    def payers(self, iban: str) -> set[UUID]:
        """The organisations that have paid from this account."""
        return self._payers.get(iban, set())

    def open_orders(self, organisation_id: UUID) -> int:
        """How many orders of an organisation wait for money."""
        wanted = select(func.count()).where(Order.organisation_id == organisation_id, Order.state.in_(OPEN_FOR_PAYMENT))
        return self._session.scalar(wanted) or 0

    def lock(self, item: Item) -> Order:
        """Give the order itself, locked and as it stands now."""
        order = self._session.get_one(Order, item.id, with_for_update=True, populate_existing=True)
        item.state, item.owed = order.state, order.owed
        return order

    def follow(self, order: Order) -> None:
        """Take over what a payment changed, for the transfers that come after it in the batch."""
        item = self._items[order.id]
        before, item.state, item.owed = item.owed, order.state, order.owed
        if item.owed != before and item.owed in self._by_sum:
            self._by_sum[item.owed].append(item)

    def learn(self, iban: str, organisation_id: UUID) -> None:
        """Take over a payer that was learned in the batch."""
        self._payers.setdefault(iban, set()).add(organisation_id)

    def _named(self) -> list[Item]:
        wanted = {
            reference
            for told in self._told.values()
            for _, evidence in told.places
            for reference in evidence.candidates
        }
        return self._fetch(Order.reference.in_(wanted)) if wanted else []

    def _of_sums(self, amounts: set[Decimal]) -> dict[Decimal, list[Item]]:
        sums: dict[Decimal, list[Item]] = {amount: [] for amount in amounts}
        owed = Order.gross - Order.paid
        rank = func.row_number().over(partition_by=owed, order_by=Order.id).label("rank")
        ranked = select(Order.id, rank).where(Order.state.in_(OPEN_FOR_PAYMENT), owed.in_(amounts)).subquery()
        first = select(ranked.c.id).where(ranked.c.rank <= _MOST_OF_ONE_SUM)
        for item in self._fetch(Order.id.in_(first)):
            sums[item.owed].append(item)
        return sums

    def _known(self, ibans: set[str]) -> dict[str, set[UUID]]:
        payers: dict[str, set[UUID]] = {}
        rows = select(KnownPayer.iban, KnownPayer.organisation_id).where(KnownPayer.iban.in_(ibans))
        for row in self._session.execute(rows):
            payers.setdefault(row.iban, set()).add(row.organisation_id)
        return payers

    def _fetch(self, condition: Any) -> list[Item]:
        columns = (Order.id, Order.number, Order.reference, Order.organisation_id, Order.state, Order.gross, Order.paid)
        rows = self._session.execute(
            select(*columns, func.coalesce(Organisation.name, "").label("name"))
            .outerjoin(Organisation, Organisation.organisation_id == Order.organisation_id)
            .where(condition)
            .order_by(Order.id)
        )
        return [self._items.setdefault(row.id, _item(row)) for row in rows]


def _item(row: Any) -> Item:
    return Item(
        id=row.id,
        number=row.number,
        reference=row.reference,
        organisation_id=row.organisation_id,
        organisation_name=row.name,
        state=row.state,
        owed=max(row.gross - row.paid, Decimal("0.00")),
    )
