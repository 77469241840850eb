"""A small installation with some of everything, made by the services' own deeds and carried by no broker.

Events are taken from each outbox and handed to their real handlers, with receipts, as relay and consumer do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import RowMapping, select, update

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.base import EVENTS, load
from libs.messaging.envelope import Envelope
from libs.messaging.inbox import receive
from libs.messaging.jobs import NamedHandler
from libs.messaging.tables import outbox
from operations.installation import SERVICES
from services.mfa.adapters.push import Answer, Finding, NotReached, Receipt, Standing
from services.notifications.model import Mail
from services.notifications.model.mail import AsSent
from tests.support.builders.certificates import configure_certificates
from tests.support.builders.certificates import forget_settings as forget_certificates
from tests.support.builders.identity import Desk, configure_identity
from tests.support.builders.identity import forget_settings as forget_identity
from tests.support.builders.orders import Shop
from tests.support.builders.orders import _forget as forget_orders
from tests.support.databases import Databases, WorkFor


@dataclass
class Phones:
    """A push provider that answers as it is told, for the next push alone."""

    standing: Standing = Standing.READY
    answer: Answer = Answer.APPROVED
    reachable: bool = True

    def standing_of(self, _phone: str) -> Standing:
        """Whether the person can be asked."""
        return self.standing

    def send(self, _phone: str, _description: str, _expires_at: datetime) -> Receipt:
        """Take a push, or be away."""
        if not self.reachable:
            raise NotReached("connection_refused")
        return Receipt(transaction_id=str(new_id()), thread_id=str(new_id()))

    def look(self, _transaction_id: str) -> Finding:
        """What became of it."""
        return Finding(answer=self.answer)

    def withdraw(self, _thread_id: str) -> bool:
        """Take it back."""
        return True


@dataclass
class Town:
    """Six services, and the post between them."""

    databases: Databases
    clock: ManualClock
    phones: Phones = field(default_factory=Phones)

    def __post_init__(self) -> None:
        self.work_for = WorkFor(self.databases)
        self.desk = Desk(self.work_for, self.clock)
        self.shop = Shop(self.databases("orders"))

    def post(self) -> None:
        """Carry every event to everybody who hears it, until there is none left."""
        while sum(self._carry(service) for service in SERVICES):
            continue

    def _carry(self, service: str) -> int:
        with self.databases(service).engine.begin() as connection:
            waiting = select(outbox).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position)
            rows = connection.execute(waiting).mappings().all()
            connection.execute(
                update(outbox).values(published_at=self.clock.now()).where(outbox.c.published_at.is_(None))
            )
        for row in rows:
            for reader in SERVICES:
                self._deliver(reader, row)
        return len(rows)

    def _deliver(self, service: str, row: RowMapping) -> None:
        subscriptions = importlib.import_module(f"services.{service}.worker").SUBSCRIPTIONS
        kind: Any = EVENTS[row["type"]]
        handlers = subscriptions.get(kind, ())
        envelope = _envelope(row)
        for handler in handlers if isinstance(handlers, Sequence) else [handlers]:
            named = NamedHandler.of(handler)
            with self.databases(service).open_work(
                correlation_id=envelope.correlation_id, causation_id=str(envelope.id), envelope=envelope
            ) as work:
                if receive(work.session, envelope.id, named.name):
                    named.run(work, load(kind, row["payload"]))

    def ask_phones(self) -> None:
        """Let mfa's jobs run, and tell identity what came of it."""
        from services.mfa.handlers import asking, ending, looking

        mfa = self.databases("mfa").open_work
        self.post()
        asking.ask_due(mfa, self.phones)
        self.clock.advance(timedelta(seconds=3))
        looking.look_at_due(mfa, self.phones)
        ending.expire_due(mfa)
        ending.withdraw_due(mfa, self.phones)
        self.post()

    def send_mails(self) -> None:
        """Let every mail be sent."""
        with self.work_for("notifications") as work:
            for mail in work.session.scalars(select(Mail).where(Mail.state == "queued")):
                kept = AsSent(recipient="somebody@broker.example", language="bg", subject="…", text="…")
                mail.mark_sent(work.now(), kept=kept)


def _envelope(row: RowMapping) -> Envelope:
    return Envelope(
        id=UUID(str(row["id"])),
        type=row["type"],
        source=row["type"].partition(".")[0],
        subject=row["subject"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        sequence=row["sequence"],
        data=row["payload"],
    )


def configured(documents: Path) -> Iterator[pytest.MonkeyPatch]:
    """The environment of all services, until the world is built."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MFA_PUSH_API_KEY", "key")
        configure_identity(monkeypatch)
        configure_certificates(monkeypatch, documents)
        forget_orders()
        yield monkeypatch
    forget_identity()
    forget_certificates()
    forget_orders()
