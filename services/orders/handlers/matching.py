"""Which order a transfer pays: evidence in order of trust, and nothing is guessed."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from libs.chassis import references
from libs.messaging.work import Work
from services.orders.model import BankTransaction, KnownPayer, Order
from services.orders.model.evidence import Evidence, evidence_in, same_name
from services.orders.model.order import OPEN_FOR_PAYMENT
from services.orders.projections import Organisation

_MOST_SUGGESTIONS = 5
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
    """A bare number may be a slip for another order's, so something else must speak for it as well."""
    named = _orders_of(session, [references.make_reference(number) for number in evidence.numbers])
    owing = [order for order in named if order.takes_payment]
    if len(owing) != 1:
        return None
    owing_the_same = _owing(session, transaction)
    alone = [order.id for order in owing_the_same] == [owing[0].id]
    if not alone:
        payers = _known(session, transaction) | _named(session, transaction, owing)
        if owing[0].organisation_id not in payers:
            return None
    locked = _lock(session, owing[0].id)
    return Verdict(order=locked, by="number") if locked.takes_payment else None


def _of_payer(session: Session, transaction: BankTransaction, told: Iterable[Evidence]) -> Verdict:
    """The payer's one open order of exactly this sum, unless the texts speak of another."""
    owing = _owing(session, transaction)
    by_account = _known(session, transaction)
    payers = by_account | _named(session, transaction, owing)
    candidates = [order for order in owing if order.organisation_id in payers]
    written = any(evidence.damaged or evidence.numbers for evidence in told)
    why = "unknown_reference" if written else "no_reference"
    if len(candidates) != 1:
        return Verdict(why="ambiguous" if candidates else why, suggestions=_numbers(candidates or owing))
    only = candidates[0]
    near = any(evidence.near(only.reference) for evidence in told)
    contradicted = any(evidence.speaks_of_another(only.reference) for evidence in told)
    # A name alone proves little; with a slip of the very reference beside it, it does.
    if contradicted or not (near or only.organisation_id in by_account):
        return Verdict(why=why, suggestions=_numbers(candidates))
    locked = _lock(session, only.id)
    if locked.owed != transaction.amount:
        return Verdict(why=why, suggestions=_numbers(candidates))
    return Verdict(order=locked, by="payer")


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
