"""Which order a transfer pays: evidence in order of trust, and nothing is guessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from libs.messaging.work import Work
from services.orders.handlers.ledger import Item, Ledger, Told
from services.orders.model import BankTransaction, KnownPayer, Order
from services.orders.model.evidence import Evidence, same_name

_MOST_SUGGESTIONS = 5
_MOST_SLIPS = 2
# Evidence by which an order is known beyond doubt, so that the payer's account may be remembered with it.
_CERTAIN = ("structured_reference", "reference", "end_to_end_id")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The locked order and the evidence for it, or why a person has to decide."""

    order: Order | None = None
    by: str = ""
    why: str = ""
    suggestions: tuple[str, ...] = ()


def match(work: Work, transactions: Sequence[BankTransaction]) -> None:
    """Settle the orders that the transfers pay, and put the others in the queue with the reason."""
    ledger = Ledger(work.session, transactions)
    for transaction in transactions:
        verdict = _judge(ledger, transaction)
        if verdict.order is None:
            transaction.queue(verdict.why, list(verdict.suggestions))
            continue
        verdict.order.receive(transaction.amount, work.now())
        ledger.follow(verdict.order)
        transaction.match(verdict.order.id, verdict.by, work.now())
        if verdict.by in _CERTAIN:
            learn_payer(work, transaction, verdict.order)
            ledger.learn(transaction.payer_iban, verdict.order.organisation_id)


def learn_payer(work: Work, transaction: BankTransaction, order: Order) -> None:
    """Remember from which account the organisation pays."""
    if transaction.payer_iban:
        work.session.execute(
            insert(KnownPayer)
            .values(iban=transaction.payer_iban, organisation_id=order.organisation_id, learned_at=work.now())
            .on_conflict_do_nothing()
        )


def _judge(ledger: Ledger, transaction: BankTransaction) -> Verdict:
    if transaction.collective:
        return Verdict(why="collective")
    if transaction.reversal or transaction.amount <= 0:
        return Verdict(why="ambiguous")
    told = ledger.told(transaction)
    unknown = False
    for by, evidence in told.places:
        found = ledger.of_references(evidence.references | evidence.bare)
        if len(found) > 1:
            return Verdict(why="ambiguous", suggestions=_numbers(found))
        if found:
            return _of_reference(ledger, found[0], by)
        unknown = unknown or bool(evidence.references)
        if verdict := _of_number(ledger, transaction, evidence):
            return verdict
    if unknown:
        return Verdict(why="unknown_reference", suggestions=_numbers(ledger.owing(transaction.amount)))
    return _of_payer(ledger, transaction, told)


def _of_reference(ledger: Ledger, item: Item, by: str) -> Verdict:
    """A reference with right check digits names the order, whatever else the transfer says."""
    order = ledger.lock(item)
    if order.takes_payment:
        return Verdict(order=order, by=by)
    return Verdict(why="already_paid" if order.state == "paid" else "order_closed", suggestions=(order.number,))


def _of_number(ledger: Ledger, transaction: BankTransaction, evidence: Evidence) -> Verdict | None:
    """A bare number may be a slip for another order's, so sum or payer must speak for it as well."""
    named = [item for item in ledger.of_numbers(evidence.numbers) if item.takes_payment]
    if len(named) != 1:
        return None
    item = named[0]
    if [owing.id for owing in ledger.owing(transaction.amount)] != [item.id]:
        is_payer = bool(_payers(ledger, transaction, named))
        if not is_payer or not (item.owed == transaction.amount or ledger.open_orders(item.organisation_id) == 1):
            return None
    order = ledger.lock(item)
    return Verdict(order=order, by="number") if order.takes_payment else None


def _of_payer(ledger: Ledger, transaction: BankTransaction, told: Told) -> Verdict:
    """The payer's one open order of exactly this sum, unless the texts speak of another."""
    owing = ledger.owing(transaction.amount)
    payers = _payers(ledger, transaction, owing)
    candidates = [item for item in owing if item.organisation_id in payers]
    slips = {item.id: _slips(item, told) for item in candidates}
    if len(candidates) > 1:
        # Several that fit: the one that was written but for a single slip, if there is but one.
        nearest = [item for item in candidates if slips[item.id] in (0, 1)]
        candidates = nearest if len(nearest) == 1 else candidates
    why = _why(candidates, told)
    if len(candidates) != 1:
        return Verdict(why=why, suggestions=_numbers(candidates or owing))
    only = candidates[0]
    known = only.organisation_id in ledger.payers(transaction.payer_iban)
    if not _fits(ledger, only, slips[only.id], told, known=known):
        return Verdict(why=why, suggestions=(only.number,))
    order = ledger.lock(only)
    if order.owed != transaction.amount:
        return Verdict(why=why, suggestions=(only.number,))
    return Verdict(order=order, by="payer")


def _fits(ledger: Ledger, item: Item, slips: int | None, told: Told, *, known: bool) -> bool:
    """Whether what was written lets the payer's order stand.

    A known account may say nothing at all; a mere name needs the order's own reference beside it, but for a slip or
    two, and not the exact number of somebody else's order.
    """
    if slips is None or slips > _MOST_SLIPS:
        return known and slips is None
    numbers = {number for _, evidence in told.places for number in evidence.numbers}
    return known or all(other.id == item.id for other in ledger.of_numbers(numbers))


def _payers(ledger: Ledger, transaction: BankTransaction, items: Iterable[Item]) -> set[UUID]:
    """The organisations of these orders to which the payer's account or name points."""
    known = ledger.payers(transaction.payer_iban)
    return {
        item.organisation_id
        for item in items
        if item.organisation_id in known or same_name(item.organisation_name, transaction.payer_name)
    }


def _why(candidates: Sequence[Item], told: Told) -> str:
    if len(candidates) > 1:
        return "ambiguous"
    written = any(evidence.damaged or evidence.numbers for _, evidence in told.places)
    return "unknown_reference" if written else "no_reference"


def _slips(item: Item, told: Told) -> int | None:
    counts = (evidence.slips(item.reference) for _, evidence in told.places)
    return min((count for count in counts if count is not None), default=None)


def _numbers(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple(item.number for item in items[:_MOST_SUGGESTIONS])
