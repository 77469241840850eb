"""Which order a transfer pays: evidence in order of trust, and nothing is guessed."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from libs.chassis import references
from libs.messaging.work import Work
from services.orders.model import BankTransaction, KnownPayer, Order
from services.orders.model.evidence import Evidence, evidence_in, same_name
from services.orders.model.order import OPEN_FOR_PAYMENT
from services.orders.projections import Organisation

_MOST_SUGGESTIONS = 5
_MOST_SLIPS = 2
# Evidence by which an order is known beyond doubt, so that the payer's account may be remembered with it.
_CERTAIN = ("structured_reference", "reference", "end_to_end_id")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The order and the evidence for it, or why a person has to decide."""

    order: Order | None = None
    by: str = ""
    why: str = ""
    suggestions: tuple[str, ...] = ()


def match(work: Work, transaction: BankTransaction) -> None:
    """Settle the order that the transfer pays, or put it in the queue with the reason."""
    verdict = _judge(work.session, transaction)
    if verdict.order is None:
        transaction.queue(verdict.why, list(verdict.suggestions))
        return
    pay(work, transaction, verdict.order)
    transaction.match(verdict.order.id, verdict.by, work.now())
    if verdict.by in _CERTAIN:
        learn_payer(work, transaction, verdict.order)


def pay(work: Work, transaction: BankTransaction, order: Order) -> None:
    """Take the transfer in as payment of a locked order; raises `OrderClosed`."""
    order.receive(transaction.amount, work.now())


def learn_payer(work: Work, transaction: BankTransaction, order: Order) -> None:
    """Remember from which account the organisation pays."""
    if transaction.payer_iban:
        work.session.execute(
            insert(KnownPayer)
            .values(iban=transaction.payer_iban, organisation_id=order.organisation_id, learned_at=work.now())
            .on_conflict_do_nothing()
        )


def _judge(session: Session, transaction: BankTransaction) -> Verdict:
    if transaction.reversal or transaction.collective or transaction.amount <= 0:
        return Verdict(why="ambiguous")
    told = evidence_in(transaction.text)
    end_to_end = evidence_in(transaction.end_to_end_id)
    sources = (
        ("structured_reference", evidence_in(transaction.structured_reference)),
        ("reference", told),
        ("end_to_end_id", end_to_end),
    )
    unknown = False
    for by, evidence in sources:
        found = _orders_of(session, evidence.references | evidence.bare)
        if len(found) > 1:
            return Verdict(why="ambiguous", suggestions=_numbers(found))
        if found:
            return _of_reference(session, found[0], by)
        unknown = unknown or bool(evidence.references)
        if verdict := _of_number(session, transaction, evidence):
            return verdict
    if unknown:
        return Verdict(why="unknown_reference", suggestions=_numbers(_owing(session, transaction)))
    return _of_payer(session, transaction, (told, end_to_end))


def _of_reference(session: Session, order: Order, by: str) -> Verdict:
    """A reference with right check digits names the order, whatever else the transfer says."""
    locked = _lock(session, order.id)
    if locked.takes_payment:
        return Verdict(order=locked, by=by)
    why = "already_paid" if locked.state == "paid" else "order_closed"
    return Verdict(why=why, suggestions=(locked.number,))


def _of_number(session: Session, transaction: BankTransaction, evidence: Evidence) -> Verdict | None:
    """A bare number may be a slip for another order's, so sum or payer must speak for it as well."""
    named = _orders_of(session, [references.make_reference(number) for number in evidence.numbers])
    open_ones = [order for order in named if order.takes_payment]
    if len(open_ones) != 1:
        return None
    order = open_ones[0]
    if [owing.id for owing in _owing(session, transaction)] != [order.id]:
        payers = _known(session, transaction) | _named(session, transaction, [order])
        fits = order.owed == transaction.amount or _open_orders(session, order.organisation_id) == 1
        if order.organisation_id not in payers or not fits:
            return None
    locked = _lock(session, order.id)
    return Verdict(order=locked, by="number") if locked.takes_payment else None


def _of_payer(session: Session, transaction: BankTransaction, told: Iterable[Evidence]) -> Verdict:
    """The payer's one open order of exactly this sum, unless the texts speak of another."""
    owing = _owing(session, transaction)
    known = _known(session, transaction)
    payers = known | _named(session, transaction, owing)
    candidates = [order for order in owing if order.organisation_id in payers]
    slips = {order.id: _slips(order, told) for order in candidates}
    if len(candidates) > 1:
        # Several that fit: the one that was written but for a single slip, if there is but one.
        nearest = [order for order in candidates if slips[order.id] in (0, 1)]
        candidates = nearest if len(nearest) == 1 else candidates
    why = _why(candidates, told)
    if len(candidates) != 1:
        return Verdict(why=why, suggestions=_numbers(candidates or owing))
    only = candidates[0]
    sure = _fits(session, only, slips[only.id], told, known=only.organisation_id in known)
    locked = _lock(session, only.id) if sure else only
    if not sure or locked.owed != transaction.amount:
        return Verdict(why=why, suggestions=_numbers([only]))
    return Verdict(order=locked, by="payer")


def _fits(session: Session, order: Order, slips: int | None, told: Iterable[Evidence], *, known: bool) -> bool:
    """Whether what was written lets the payer's order stand.

    A known account may say nothing at all; a mere name needs the order's own reference beside it, but for a slip or
    two, and not the exact number of somebody else's order.
    """
    if slips is None or slips > _MOST_SLIPS:
        return known and slips is None
    numbers = {number for evidence in told for number in evidence.numbers}
    named = _orders_of(session, [references.make_reference(number) for number in numbers])
    return known or all(other.id == order.id for other in named)


def _why(candidates: list[Order], told: Iterable[Evidence]) -> str:
    if len(candidates) > 1:
        return "ambiguous"
    return "unknown_reference" if any(evidence.damaged or evidence.numbers for evidence in told) else "no_reference"


def _slips(order: Order, told: Iterable[Evidence]) -> int | None:
    counts = [count for evidence in told if (count := evidence.slips(order.reference)) is not None]
    return min(counts, default=None)


def _open_orders(session: Session, organisation_id: UUID) -> int:
    wanted = select(func.count()).where(Order.organisation_id == organisation_id, Order.state.in_(OPEN_FOR_PAYMENT))
    return session.scalar(wanted) or 0


def _orders_of(session: Session, wanted: Iterable[str]) -> list[Order]:
    wanted = list(wanted)
    if not wanted:
        return []
    return list(session.scalars(select(Order).where(Order.reference.in_(wanted)).order_by(Order.id)))


def _owing(session: Session, transaction: BankTransaction) -> list[Order]:
    """Open orders that still owe exactly this sum."""
    return list(
        session.scalars(
            select(Order)
            .where(Order.state.in_(OPEN_FOR_PAYMENT), Order.gross - Order.paid == transaction.amount)
            .where(Order.currency == transaction.currency)
            .order_by(Order.id)
            .limit(500)
        )
    )


def _known(session: Session, transaction: BankTransaction) -> set[UUID]:
    if not transaction.payer_iban:
        return set()
    return set(session.scalars(select(KnownPayer.organisation_id).where(KnownPayer.iban == transaction.payer_iban)))


def _named(session: Session, transaction: BankTransaction, orders: Iterable[Order]) -> set[UUID]:
    """The organisations of these orders that are called as the payer is."""
    ids = {order.organisation_id for order in orders}
    named = session.execute(
        select(Organisation.organisation_id, Organisation.name).where(Organisation.organisation_id.in_(ids))
    )
    return {row.organisation_id for row in named if same_name(row.name, transaction.payer_name)}


def _lock(session: Session, order_id: UUID) -> Order:
    return session.get_one(Order, order_id, with_for_update=True, populate_existing=True)


def _numbers(orders: Iterable[Order]) -> tuple[str, ...]:
    return tuple(order.number for order in orders)[:_MOST_SUGGESTIONS]
