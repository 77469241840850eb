"""What an organisation holds and who holds it; every count is counted from the rows."""

from datetime import date
from functools import cache
from uuid import UUID

from sqlalchemy import Date, Row, Select, Text, Uuid, and_, bindparam, func, or_, select, true

from libs.chassis.principal import STAFF_ROLES
from libs.contracts.base import load
from libs.contracts.errors import NotFound
from libs.contracts.licensing import (
    Assignments,
    GetLicence,
    Licences,
    LicenceView,
    ListAssignments,
    ListLicences,
    ListMyAssignments,
)
from libs.contracts.orders import ModuleView
from libs.messaging.work import Work
from services.licensing.model import Assignment, Seat, SeatPool
from services.licensing.projections import Product
from services.licensing.settings import settings
from services.licensing.views import view_of


def list_licences(work: Work, query: ListLicences) -> Licences:
    """All products of which the organisation was granted seats, by name of the article."""
    work.caller.require_manager_of(query.organisation_id, or_staff=STAFF_ROLES)
    rows = work.session.execute(
        _counts(), {"organisation_id": query.organisation_id, "sku": None, "today": _today(work)}
    )
    return Licences(items=[_licence(row) for row in rows])


def get_licence(work: Work, query: GetLicence) -> LicenceView:
    """The organisation's seats of one product."""
    work.caller.require_manager_of(query.organisation_id, or_staff=STAFF_ROLES)
    wanted = {"organisation_id": query.organisation_id, "sku": query.sku, "today": _today(work)}
    row = work.session.execute(_counts(), wanted).first()
    if row is None:
        raise NotFound
    return _licence(row)


def list_assignments(work: Work, query: ListAssignments) -> Assignments:
    """Who in the organisation was given what, newest first."""
    work.caller.require_manager_of(query.organisation_id, or_staff=STAFF_ROLES)
    statement = select(Assignment).where(Assignment.organisation_id == query.organisation_id)
    if query.sku:
        statement = statement.where(Assignment.sku == query.sku)
    if query.account_id:
        statement = statement.where(Assignment.account_id == query.account_id)
    return _assignments(work, statement)


def list_my_assignments(work: Work, _query: ListMyAssignments) -> Assignments:
    """What the caller was given, newest first."""
    return _assignments(work, select(Assignment).where(Assignment.account_id == work.caller.account_id))


def _assignments(work: Work, statement: Select[Assignment]) -> Assignments:
    found = work.session.scalars(statement.order_by(Assignment.id.desc()))
    return Assignments(items=[view_of(assignment) for assignment in found])


def _today(work: Work) -> date:
    return work.now().astimezone(settings().time_zone).date()


@cache
def _counts() -> Select[UUID, str, str, Product | None, int, int, date | None]:
    """Seats by product for `organisation_id`, of one product where `sku` is given.

    Made once: putting the statement together takes as long as asking it.
    """
    living = and_(Seat.pool_id == SeatPool.id, Seat.valid_until >= bindparam("today", type_=Date))
    sku = bindparam("sku", type_=Text)
    seats = (
        select(
            func.count(Seat.id).label("granted"),
            func.count(Seat.assignment_id).label("assigned"),
            func.min(Seat.valid_until).label("valid_until"),
        )
        .where(living)
        .correlate(SeatPool)
        .lateral("living")
    )
    return (
        select(
            SeatPool.product_id,
            SeatPool.sku,
            SeatPool.kind,
            Product,
            seats.c.granted,
            seats.c.assigned,
            seats.c.valid_until,
        )
        .join_from(SeatPool, seats, onclause=true())
        .outerjoin(Product, Product.product_id == SeatPool.product_id)
        .where(
            SeatPool.organisation_id == bindparam("organisation_id", type_=Uuid),
            or_(sku.is_(None), SeatPool.sku == sku),
        )
        .order_by(SeatPool.sku)
    )


def _licence(row: Row[UUID, str, str, Product | None, int, int, date | None]) -> LicenceView:
    product_id, sku, kind, product, granted, assigned, valid_until = row
    return LicenceView(
        product_id=product_id,
        sku=sku,
        # seats may be known a moment before the catalogue's own words for them
        name=product.name if product else {"bg": sku, "en": sku},
        kind=kind,
        granted=granted,
        assigned=assigned,
        available=granted - assigned,
        valid_until=valid_until,
        choose_modules=product.choose_modules if product else False,
        minutes_required=product.minutes_required if product else 0,
        hours_rule=product.hours_rule if product else "exact",
        modules=[load(ModuleView, module) for module in product.modules] if product else [],
    )
