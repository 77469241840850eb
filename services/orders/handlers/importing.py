"""Statements are taken in by the worker: read as a stream, kept when whole, then matched."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import case, delete, func, insert, literal, or_, select
from sqlalchemy.dialects import postgresql

from libs.chassis.database import allow_statements
from libs.chassis.documents import DocumentMissing
from libs.chassis.ids import new_id
from libs.chassis.logging import correlated, get_logger
from libs.messaging import faults
from libs.messaging.work import Work, WorkFactory
from services.orders.adapters.bank_statements import Entry, OwnAccounts, Reason, StatementFault, read_statement
from services.orders.handlers import matching
from services.orders.model import BankStatement, BankTransaction, StagedEntry
from services.orders.model.bank import COPIED, staged_values
from services.orders.settings import operator, settings, store

READ_AT_ONCE = 1_000
MATCH_AT_ONCE = 500
MOST_ATTEMPTS = 10
"""How often a statement may bring its import down; an import that lost the database is not the statement's fault."""
PAUSE = timedelta(seconds=20)


class LeaseLost(Exception):
    """Another worker has taken the statement over; this one stops without a word."""


def import_waiting(open_work: WorkFactory) -> bool:
    """Take in one statement that nobody is at work on; more may be waiting."""
    owner = new_id()
    with open_work() as work:
        claimed = _claim(work, owner)
    if claimed is None:
        return False
    with correlated(claimed.correlation_id):
        _take_in(open_work, claimed, owner)
    return True


def _take_in(open_work: WorkFactory, claimed: BankStatement, owner: UUID) -> None:
    try:
        if claimed.state != "matching":
            _read(open_work, claimed, owner)
        _match(open_work, claimed.id, owner)
    except LeaseLost:
        return
    except StatementFault as fault:
        _fail(open_work, claimed.id, owner, fault)
    except Exception as error:
        _give_back(open_work, claimed.id, owner, blameless=faults.is_outage(error))
        raise
    get_logger().info("bank statement over", statement_id=str(claimed.id))


def _claim(work: Work, owner: UUID) -> BankStatement | None:
    statement = work.session.scalar(
        select(BankStatement)
        .where(
            BankStatement.state.not_in(("done", "failed")),
            or_(BankStatement.lease_until.is_(None), BankStatement.lease_until <= work.now()),
        )
        .order_by(BankStatement.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if statement is None:
        return None
    with work.following(statement.correlation_id):
        return statement if _begin(work, statement, owner) else None


def _begin(work: Work, statement: BankStatement, owner: UUID) -> bool:
    """Begin another attempt; False where there were too many."""
    statement.attempts += 1
    if statement.attempts > MOST_ATTEMPTS:
        _drop_staged(work, statement.id)
        statement.fail("internal", {}, work.now())
        return False
    statement.lease(owner, work.now())
    if statement.state != "matching":
        _drop_staged(work, statement.id)
        statement.begin_reading()
    return True


def _read(open_work: WorkFactory, statement: BankStatement, owner: UUID) -> None:
    """Stage all entries, then keep them in one transaction; a fault on the way leaves nothing."""
    supplier = operator().supplier
    own = OwnAccounts({supplier.iban: "EUR"})
    try:
        file = store().open(statement.key)
    except DocumentMissing:
        raise StatementFault(Reason.MISSING, detail=statement.filename[:60]) from None
    with file:
        for batch in _batches(read_statement(file, own, max_bytes=settings().statement_max_bytes), READ_AT_ONCE):
            with open_work() as work:
                _stage(work, statement, owner, batch, file)
    with open_work() as work:
        held = _held(work, statement.id, owner)
        _keep(work, held)


def _stage(work: Work, statement: BankStatement, owner: UUID, batch: list[Entry], file: BinaryIO) -> None:
    held = _held(work, statement.id, owner)
    today = held.uploaded_at.astimezone(settings().time_zone).date()
    work.session.execute(insert(StagedEntry), [staged_values(held.id, entry, today) for entry in batch])
    held.entries += len(batch)
    held.progress = min(49, 50 * file.tell() // max(held.size, 1))
    held.lease(owner, work.now())


def _keep(work: Work, statement: BankStatement) -> None:
    """Hand the staged entries on, but for those that are known already."""
    # a hundred thousand rows in one statement are more than the usual limit was made for
    allow_statements(work.session, settings().import_statement_timeout)
    staged = select(
        *(getattr(StagedEntry, name) for name in COPIED),
        case((StagedEntry.outgoing, "outgoing"), else_="pending").label("state"),
        literal([], postgresql.JSONB).label("suggestions"),
    ).where(StagedEntry.statement_id == statement.id)
    work.session.execute(
        postgresql.insert(BankTransaction)
        .from_select([*COPIED, "state", "suggestions"], staged.order_by(StagedEntry.position))
        .on_conflict_do_nothing(index_elements=[BankTransaction.key])
    )
    counted = select(BankTransaction.state, func.count()).where(BankTransaction.statement_id == statement.id)
    kept = dict(work.session.execute(counted.group_by(BankTransaction.state)).all())
    _drop_staged(work, statement.id)
    statement.begin_matching(duplicates=statement.entries - sum(kept.values()), outgoing=kept.get("outgoing", 0))


def _match(open_work: WorkFactory, statement_id: UUID, owner: UUID) -> None:
    more = True
    while more:
        with open_work() as work:
            more = _match_some(work, _held(work, statement_id, owner), owner)


def _match_some(work: Work, statement: BankStatement, owner: UUID) -> bool:
    pending = list(
        work.session.scalars(
            select(BankTransaction)
            .where(BankTransaction.statement_id == statement.id, BankTransaction.state == "pending")
            .order_by(BankTransaction.position)
            .limit(MATCH_AT_ONCE)
            .with_for_update()
        )
    )
    matching.match(work, pending)
    statement.matched += sum(transaction.state == "matched" for transaction in pending)
    statement.unmatched += sum(transaction.state == "unmatched" for transaction in pending)
    if len(pending) < MATCH_AT_ONCE:
        statement.finish(work.now())
        return False
    known = statement.entries - statement.duplicates - statement.outgoing
    statement.progress = 50 + min(49, 50 * (statement.matched + statement.unmatched) // max(known, 1))
    statement.lease(owner, work.now())
    return True


def _held(work: Work, statement_id: UUID, owner: UUID) -> BankStatement:
    statement = work.session.get(BankStatement, statement_id, with_for_update=True, populate_existing=True)
    if statement is None or statement.lease_owner != owner or statement.state in ("done", "failed"):
        raise LeaseLost
    return statement


def _fail(open_work: WorkFactory, statement_id: UUID, owner: UUID, fault: StatementFault) -> None:
    params = {"detail": fault.detail} if fault.detail else {}
    if fault.line:
        params["line"] = str(fault.line)
    with open_work() as work:
        statement = _held(work, statement_id, owner)
        _drop_staged(work, statement_id)
        statement.fail(fault.reason, params, work.now())


def _give_back(open_work: WorkFactory, statement_id: UUID, owner: UUID, *, blameless: bool) -> None:
    """Let the statement be tried again soon, not only when the lease has run out."""
    get_logger().warning("bank_statement_interrupted", statement_id=str(statement_id))
    with open_work() as work:
        statement = work.session.get(BankStatement, statement_id, with_for_update=True)
        if statement is not None and statement.lease_owner == owner:
            statement.release(work.now() + PAUSE)
            statement.attempts -= blameless


def _drop_staged(work: Work, statement_id: UUID) -> None:
    work.session.execute(delete(StagedEntry).where(StagedEntry.statement_id == statement_id))


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while batch := list(islice(iterator, size)):
        yield batch
