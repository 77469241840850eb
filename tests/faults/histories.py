"""For each service a history of everything it hears, in the order in which it happened, and what stood before it.

A history must hold every event type of the service's subscriptions: the test of doubles walks them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, select, update

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.chassis.operator import load_operator
from libs.contracts.base import Event
from libs.contracts.certificates import TrainingBegun, TrainingPassed
from libs.contracts.identity import (
    AccountChanged,
    AccountClosed,
    AccountIssued,
    OrganisationChanged,
    OrganisationRegistered,
    SignInAwaitingFactor,
    SignInReported,
    SignInSettled,
)
from libs.contracts.licensing import AssignmentWithdrawn
from libs.contracts.mfa import (
    ChallengeApproved,
    ChallengeExpired,
    ChallengeRejected,
    ChallengeUnavailable,
    ChallengeWithheld,
    FactorMissing,
)
from libs.contracts.orders import OrderPaid
from libs.messaging.envelope import Envelope
from libs.messaging.tables import outbox
from services.orders import settings as orders_settings
from services.orders.handlers import catalogue
from tests.support.builders import licensing as seats
from tests.support.builders.certificates import Academy, chosen, configure_certificates
from tests.support.builders.events import an_envelope
from tests.support.builders.identity import EIKS, Desk, Holder, configure_identity
from tests.support.builders.notifications import an_account, configure_notifications, events_about
from tests.support.builders.orders import LICENCE, TRAINING, Shop
from tests.support.builders.statements import Transfer, camt
from tests.support.databases import Databases, ServiceDatabase, WorkFor

History = list[Envelope]
Teller = Callable[[Databases, ManualClock, pytest.MonkeyPatch, Path], History]


def told_by_itself(database: ServiceDatabase, kind: type[Event]) -> Iterator[Envelope]:
    """What the service has told and hears itself, with the id and the stamp it has in the outbox."""
    with database.engine.connect() as connection:
        rows = connection.execute(select(outbox).where(outbox.c.type == kind.TYPE).order_by(outbox.c.position))
        yield from [_stamped(row) for row in rows.mappings()]


def _stamped(row: RowMapping) -> Envelope:
    return Envelope(
        id=row["id"],
        type=row["type"],
        source=row["type"].partition(".")[0],
        subject=row["subject"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        sequence=row["sequence"],
        data=row["payload"],
    )


def is_published(database: ServiceDatabase) -> None:
    """What was told before the history began is out already."""
    with database.engine.begin() as connection:
        connection.execute(update(outbox).values(published_at=database.clock.now()))


def changed(account: AccountIssued, **changes: Any) -> AccountChanged:
    """The same account with other data."""
    kept = {name: getattr(account, name) for name in AccountChanged.__dataclass_fields__ if hasattr(account, name)}
    return AccountChanged(**{**kept, **changes})


def of_orders(databases: Databases, _clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path) -> History:
    """Two orders are paid; each is to get one invoice."""
    environment.setenv("DOCUMENTS_URL", folder.as_uri())
    environment.setenv("OPERATOR", "demo")
    orders_settings.settings.cache_clear()
    orders_settings.store.cache_clear()
    database = databases("orders")
    shop = Shop(database)
    with database.open_work() as work:
        catalogue.publish_products(work, load_operator("demo"))
    buyer = shop.buyer()
    for quantity in (1, 2):
        order = shop.order(buyer, (LICENCE, quantity), (TRAINING, 1))
        assert order.payment is not None
        shop.statement(camt([Transfer(amount=str(order.gross.amount), structured=order.payment.reference)]))
    registered = OrganisationRegistered(
        organisation_id=new_id(),
        name="Брокер ЕООД",
        number=EIKS[1],
        vat_number=f"BG{EIKS[1]}",
        address="Пловдив",
        country="BG",
    )
    renamed = OrganisationChanged(**{**vars(registered), "name": "Преименуван брокер ЕООД"})
    return [
        an_envelope(database, registered, sequence=1),
        an_envelope(database, renamed, sequence=2),
        *told_by_itself(database, OrderPaid),
    ]


def of_licensing(databases: Databases, clock: ManualClock, _environment: pytest.MonkeyPatch, _: Path) -> History:
    """A product is bought twice and renamed; people come, change and go; trainings are begun and passed."""
    database, now = databases("licensing"), clock.now()
    firm, training = seats.Broker(database=database), seats.a_training()
    firm.bought(training, 5)
    people = firm.employs(2)
    begun, passed = (one.id for one in firm.assigns(training, people).items)
    product = seats.counted_licences()
    newcomer = an_account(organisation_id=firm.id)
    of_training = {"organisation_id": firm.id, "sku": training.sku}
    return [
        an_envelope(database, product, sequence=1),
        an_envelope(database, replace(product, name={"bg": "Друго име", "en": "Another name"}), sequence=2),
        an_envelope(database, seats.a_paid_order(firm.id, seats.a_line(product, 3), at=now)),
        an_envelope(database, seats.an_approved_order(firm.id, seats.a_line(product, 4), at=now)),
        an_envelope(database, newcomer, sequence=1),
        an_envelope(database, changed(newcomer, family_name="Иванова"), sequence=2),
        an_envelope(database, AccountClosed(account_id=newcomer.account_id), sequence=3),
        an_envelope(
            database, TrainingBegun(assignment_id=begun, account_id=people[0], organisation_id=firm.id), sequence=2
        ),
        an_envelope(
            database,
            TrainingPassed(assignment_id=passed, account_id=people[1], passed_at=now, **of_training),
            sequence=3,
        ),
    ]


def of_certificates(
    databases: Databases, _clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path
) -> History:
    """A training is passed, another given, a third given and taken back."""
    configure_certificates(environment, folder)
    academy = Academy(database=databases("certificates"))
    academy.load()
    learner = academy.learner()
    academy.pass_training(learner, chosen("m1", "m2"))
    given, taken = academy.seat(learner), academy.seat(learner, chosen("m3"))
    withdrawn = AssignmentWithdrawn(
        assignment_id=taken.assignment_id,
        organisation_id=taken.organisation_id,
        account_id=taken.account_id,
        sku=taken.sku,
        kind=taken.kind,
    )
    newcomer = an_account(organisation_id=learner.organisation_id)
    database = academy.database
    return [
        an_envelope(database, newcomer, sequence=1),
        an_envelope(database, changed(newcomer, given_name="Яна"), sequence=2),
        an_envelope(database, given, sequence=1),
        an_envelope(database, taken, sequence=1),
        an_envelope(database, withdrawn, sequence=2),
        *told_by_itself(database, TrainingPassed),
    ]


def of_mfa(databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, _folder: Path) -> History:
    """One sign-in waits, one was cancelled, one was reported; an account is closed."""
    environment.setenv("OPERATOR", "demo")
    database = databases("mfa")
    accounts = [an_account(phone=f"+35988000000{number}", language="en") for number in range(4)]
    waiting, cancelled, reported = (
        SignInAwaitingFactor(
            sign_in_id=new_id(), account_id=account.account_id, code="47", expires_at=clock.now() + timedelta(minutes=5)
        )
        for account in accounts[:3]
    )
    leaver = accounts[3]
    return [
        *(an_envelope(database, account, sequence=1) for account in accounts),
        an_envelope(database, changed(accounts[0], phone="+359880000009"), sequence=2),
        an_envelope(database, waiting, sequence=1),
        an_envelope(database, cancelled, sequence=1),
        an_envelope(
            database,
            SignInSettled(sign_in_id=cancelled.sign_in_id, account_id=cancelled.account_id, state="cancelled"),
            sequence=2,
        ),
        an_envelope(database, reported, sequence=1),
        an_envelope(
            database, SignInReported(sign_in_id=reported.sign_in_id, account_id=reported.account_id), sequence=2
        ),
        an_envelope(database, AccountClosed(account_id=leaver.account_id), sequence=2),
    ]


def of_notifications(
    databases: Databases, _clock: ManualClock, environment: pytest.MonkeyPatch, folder: Path
) -> History:
    """Everything that causes a mail happens to one person, who changes once; another person leaves."""
    configure_notifications(environment, OPERATOR="demo", DOCUMENTS_URL=folder.as_uri())
    database = databases("notifications")
    person, leaver = an_account(), an_account()
    about = events_about(person.account_id)
    about.pop("account_issued")
    return [
        an_envelope(database, person, sequence=1),
        an_envelope(database, leaver, sequence=1),
        an_envelope(database, changed(person, email="new@broker.example"), sequence=2),
        an_envelope(database, AccountClosed(account_id=leaver.account_id), sequence=2),
        *(an_envelope(database, event, sequence=number) for number, event in enumerate(about.values(), start=3)),
    ]


def of_identity(databases: Databases, clock: ManualClock, environment: pytest.MonkeyPatch, _folder: Path) -> History:
    """Six people confirm, refuse, do not answer and cannot be asked on the phone."""
    configure_identity(environment)
    desk = Desk(WorkFor(databases), clock)
    body = desk.organisation()
    asked = [_awaiting(desk, desk.active("member", body)) for _ in range(6)]
    now, database = clock.now(), databases("identity")
    outcomes: list[Callable[..., Event]] = [
        lambda **ids: ChallengeApproved(challenge_id=new_id(), approved_at=now, **ids),
        lambda **ids: ChallengeRejected(challenge_id=new_id(), **ids),
        lambda **ids: ChallengeExpired(challenge_id=new_id(), **ids),
        ChallengeUnavailable,
        lambda **ids: ChallengeWithheld(retry_at=now + timedelta(minutes=10), **ids),
        FactorMissing,
    ]
    events = (outcome(**ids) for outcome, ids in zip(outcomes, asked, strict=True))
    return [an_envelope(database, event, sequence=2) for event in events]


def _awaiting(desk: Desk, holder: Holder) -> dict[str, UUID]:
    return {"sign_in_id": desk.begin(holder).id, "account_id": holder.id}


HISTORIES: dict[str, Teller] = {
    "certificates": of_certificates,
    "identity": of_identity,
    "licensing": of_licensing,
    "mfa": of_mfa,
    "notifications": of_notifications,
    "orders": of_orders,
}
