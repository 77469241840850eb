"""Seats appear: once for every order line that was paid or approved."""

import calendar
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, text

from libs.chassis.ids import new_id
from libs.contracts.licensing import SeatsGranted
from libs.contracts.orders import OrderApproved, OrderedLine, OrderPaid
from libs.messaging.work import Work
from services.licensing.settings import settings

# text: SQLAlchemy takes longer to put such statements together than the database to carry them out
_POOL = text("SELECT id FROM seat_pools WHERE organisation_id = :organisation_id AND product_id = :product_id")
_OPEN_POOL = text("""
    INSERT INTO seat_pools (id, organisation_id, product_id, sku, kind)
    VALUES (:id, :organisation_id, :product_id, :sku, :kind) ON CONFLICT DO NOTHING
""")
_GRANT = text("""
    WITH noted AS (
        INSERT INTO grants (line_id, order_id, pool_id, quantity, valid_until, granted_at)
        VALUES (:line_id, :order_id, :pool_id, :quantity, :valid_until, :granted_at)
        ON CONFLICT DO NOTHING RETURNING *
    ), added AS (
        INSERT INTO seats (pool_id, line_id, valid_until)
        SELECT pool_id, line_id, valid_until FROM noted, generate_series(1, quantity)
    )
    SELECT 1 FROM noted
""")


def grant_paid_seats(work: Work, event: OrderPaid) -> None:
    """The whole sum is there: grant the seats of every line."""
    _grant(work, event.order_id, event.organisation_id, event.lines, event.paid_at)


def grant_approved_seats(work: Work, event: OrderApproved) -> None:
    """An official approved: grant the seats of every line."""
    _grant(work, event.order_id, event.organisation_id, event.lines, event.approved_at)


def _grant(work: Work, order_id: UUID, organisation_id: UUID, lines: list[OrderedLine], since: datetime) -> None:
    begins_on = since.astimezone(settings().time_zone).date()
    connection = work.session.connection()
    for line in sorted(lines, key=lambda line: line.product_id):
        valid_until = add_months(begins_on, line.validity_months)
        grant = {
            "line_id": line.line_id,
            "order_id": order_id,
            "pool_id": find_or_open_pool(connection, organisation_id, line),
            "quantity": line.quantity,
            "valid_until": valid_until,
            "granted_at": work.now(),
        }
        if connection.execute(_GRANT, grant).first() is None:
            continue  # granted before: paid and approved
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


def find_or_open_pool(connection: Connection, organisation_id: UUID, line: OrderedLine) -> UUID:
    """The pool of the line's product, opened at its first seats."""
    key = {"organisation_id": organisation_id, "product_id": line.product_id}
    pool_id: UUID | None = connection.execute(_POOL, key).scalar()
    if pool_id is None:
        connection.execute(_OPEN_POOL, {**key, "id": new_id(), "sku": line.sku, "kind": line.kind})
        pool_id = connection.execute(_POOL, key).scalar_one()
    return pool_id


def add_months(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
