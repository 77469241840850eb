"""Seats appear: once for every order line that was paid or approved."""

import calendar
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, func, insert, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from libs.contracts.licensing import SeatsGranted
from libs.contracts.orders import OrderApproved, OrderedLine, OrderPaid
from libs.messaging.work import Work
from services.licensing.model import Grant, Seat, SeatPool
from services.licensing.settings import settings


def grant_paid_seats(work: Work, event: OrderPaid) -> None:
    """The whole sum is there: grant the seats of every line."""
    _grant(work, event.order_id, event.organisation_id, event.lines, event.paid_at)


def grant_approved_seats(work: Work, event: OrderApproved) -> None:
    """An official approved: grant the seats of every line."""
    _grant(work, event.order_id, event.organisation_id, event.lines, event.approved_at)


def _grant(work: Work, order_id: UUID, organisation_id: UUID, lines: list[OrderedLine], since: datetime) -> None:
    begins_on = since.astimezone(settings().time_zone).date()
    for line in sorted(lines, key=lambda line: line.product_id):
        valid_until = add_months(begins_on, line.validity_months)
        pool_id = find_or_open_pool(work.session, organisation_id, line)
        if not _note_grant(work, order_id, pool_id, line, valid_until):
            continue
        _add_seats(work.session, pool_id, line, valid_until)
        work.record(
            SeatsGranted(
                order_id=order_id,
                line_id=line.line_id,
                organisation_id=organisation_id,
                product_id=line.product_id,
                sku=line.sku,
                quantity=line.quantity,
                valid_until=valid_until,
            )
        )


def find_or_open_pool(session: Session, organisation_id: UUID, line: OrderedLine) -> UUID:
    """The pool of the line's product, opened at its first seats."""
    session.execute(
        postgresql.insert(SeatPool)
        .values(organisation_id=organisation_id, product_id=line.product_id, sku=line.sku, kind=line.kind)
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(SeatPool.id).where(SeatPool.organisation_id == organisation_id, SeatPool.product_id == line.product_id)
    ).scalar_one()


def _note_grant(work: Work, order_id: UUID, pool_id: UUID, line: OrderedLine, valid_until: date) -> bool:
    noted = work.session.execute(
        postgresql.insert(Grant)
        .values(
            line_id=line.line_id,
            order_id=order_id,
            pool_id=pool_id,
            quantity=line.quantity,
            valid_until=valid_until,
            granted_at=work.now(),
        )
        .on_conflict_do_nothing()
        .returning(Grant.line_id)
    )
    return noted.first() is not None


def _add_seats(session: Session, pool_id: UUID, line: OrderedLine, valid_until: date) -> None:
    numbers = func.generate_series(1, bindparam("quantity", line.quantity, Integer)).table_valued("number")
    seats = select(literal(pool_id, Uuid), literal(line.line_id, Uuid), literal(valid_until)).select_from(numbers)
    session.execute(insert(Seat).from_select(["pool_id", "line_id", "valid_until"], seats))


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
