"""Products, people, paid orders and assignments for tests of licensing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.identity import AccountChanged
from libs.contracts.licensing import Assign, Assignee, Assignments, GetLicence, LicenceView, SeatAssigned
from libs.contracts.orders import ModuleView, OrderApproved, OrderedLine, OrderPaid, ProductPublished
from services.licensing import queries
from services.licensing.handlers import assigning
from services.licensing.model import Assignment, Seat
from services.licensing.worker import SUBSCRIPTIONS
from tests.support.builders.events import deliver, recorded
from tests.support.databases import ServiceDatabase


def manager_of(organisation_id: UUID) -> Principal:
    """The manager of an organisation."""
    return Principal(
        account_id=new_id(), session_id=new_id(), organisation_id=organisation_id, roles=frozenset({"manager"})
    )


def member_of(organisation_id: UUID, account_id: UUID | None = None) -> Principal:
    """Somebody of an organisation who manages nothing."""
    return Principal(
        account_id=account_id or new_id(),
        session_id=new_id(),
        organisation_id=organisation_id,
        roles=frozenset({"member"}),
    )


def staff(*roles: str) -> Principal:
    """Somebody who works for the operator."""
    return Principal(account_id=new_id(), session_id=new_id(), roles=frozenset(roles))


def modules(*minutes: int) -> list[ModuleView]:
    """Modules M1, M2, … of so many minutes."""
    return [
        ModuleView(code=f"M{number}", name={"bg": f"Модул {number}", "en": f"Module {number}"}, minutes=length)
        for number, length in enumerate(minutes, start=1)
    ]


def a_training(**changes: object) -> ProductPublished:
    """A training all of whose modules are taken."""
    usual: dict[str, object] = {
        "product_id": new_id(),
        "sku": f"training-{new_id()}",
        "name": {"bg": "Въвеждащо обучение", "en": "Introduction"},
        "kind": "training",
        "choose_modules": False,
        "minutes_required": 0,
        "hours_rule": "exact",
        "modules": modules(60, 90),
    }
    return ProductPublished(**{**usual, **changes})


def a_chosen_training(*minutes: int, rule: str = "exact", required: int = 900) -> ProductPublished:
    """A training whose modules are chosen for each person."""
    return a_training(choose_modules=True, minutes_required=required, hours_rule=rule, modules=modules(*minutes))


def counted_licences() -> ProductPublished:
    """A product that is only counted."""
    return a_training(
        sku=f"m365-{new_id()}", kind="seats", modules=[], name={"bg": "Microsoft 365", "en": "Microsoft 365"}
    )


def a_line(product: ProductPublished, quantity: int, months: int = 12) -> OrderedLine:
    """An order line of the product."""
    return OrderedLine(
        line_id=new_id(),
        product_id=product.product_id,
        sku=product.sku,
        kind=product.kind,
        quantity=quantity,
        validity_months=months,
    )


def a_paid_order(organisation_id: UUID, *lines: OrderedLine, at: datetime) -> OrderPaid:
    """The whole sum of an order with these lines came in."""
    return OrderPaid(
        order_id=new_id(),
        number="2026-000001",
        organisation_id=organisation_id,
        placed_by=new_id(),
        lines=list(lines),
        paid_at=at,
    )


def an_approved_order(organisation_id: UUID, *lines: OrderedLine, at: datetime) -> OrderApproved:
    """An official approved an order with these lines."""
    return OrderApproved(
        order_id=new_id(),
        number="2026-000002",
        organisation_id=organisation_id,
        placed_by=new_id(),
        lines=list(lines),
        approved_by=new_id(),
        approved_at=at,
    )


def a_person(organisation_id: UUID | None, account_id: UUID | None = None) -> AccountChanged:
    """Somebody of an organisation."""
    account_id = account_id or new_id()
    return AccountChanged(
        account_id=account_id,
        login=f"p{account_id.hex}",
        given_name="Мария",
        family_name="Петрова",
        email=f"{account_id.hex}@broker.example",
        phone="+359880000009",
        language="bg",
        roles=["member"],
        organisation_id=organisation_id,
    )


@dataclass(kw_only=True)
class Broker:
    """An organisation in a licensing database, with its people, seats and manager."""

    database: ServiceDatabase
    id: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        self.manager = manager_of(self.id)

    def employs(self, count: int) -> list[UUID]:
        """So many new people."""
        people = [a_person(self.id) for _ in range(count)]
        for person in people:
            deliver(self.database, SUBSCRIPTIONS, person)
        return [person.account_id for person in people]

    def bought(self, product: ProductPublished, quantity: int, *, months: int = 12) -> OrderPaid:
        """So many seats of the product, paid just now."""
        deliver(self.database, SUBSCRIPTIONS, product)
        order = a_paid_order(self.id, a_line(product, quantity, months), at=self.database.clock.now())
        deliver(self.database, SUBSCRIPTIONS, order)
        return order

    def assigns(
        self,
        product: ProductPublished,
        people: Sequence[UUID],
        modules: Sequence[str] = (),
        *,
        by: Principal | None = None,
    ) -> Assignments:
        """Gives each of the people a seat with the same choice of modules."""
        chosen = [Assignee(account_id=person, modules=list(modules)) for person in people]
        with self.database.open_work(principal=self.manager) as work:
            return assigning.assign(work, Assign(organisation_id=self.id, sku=product.sku, people=chosen))

    def licence(self, product: ProductPublished) -> LicenceView:
        """What the manager sees of the product."""
        with self.database.open_work(principal=self.manager, read_only=True) as work:
            return queries.get_licence(work, GetLicence(organisation_id=self.id, sku=product.sku))

    def gave_nothing(self) -> bool:
        """Whether no seat is held and nobody was told anything."""
        with self.database.sessions() as session:
            held = session.scalar(select(func.count(Seat.assignment_id)))
            assignments = session.scalar(select(func.count(Assignment.id)))
        return (held, assignments, recorded(self.database, SeatAssigned)) == (0, 0, [])
