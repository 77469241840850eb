"""A test's hands on the mfa service: identity's events go in, its own come out, time is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import environ
from sqlalchemy import select

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.contracts.identity import AccountIssued, SignInAwaitingFactor, SignInReported, SignInSettled
from libs.messaging.tables import outbox
from services.mfa.adapters.evrotrust import Evrotrust
from services.mfa.handlers import asking, ending, looking
from services.mfa.model import Challenge
from services.mfa.settings import MfaSettings
from services.mfa.worker import SUBSCRIPTIONS
from tests.simulators.push_app.app import PushApp
from tests.simulators.push_app.behaviour import Fault
from tests.simulators.push_app.provider import Push, Status
from tests.support.builders.events import deliver
from tests.support.databases import ServiceDatabase

PHONE = "+359880000001"
FIVE_MINUTES = timedelta(minutes=5)


def settings_for(push_app: PushApp, **changes: str) -> MfaSettings:
    """Settings that point at the simulator, with little patience."""
    variables = {
        "MFA_PUSH_URL": f"{push_app.url}/vendor",
        "MFA_PUSH_VENDOR_NUMBER": push_app.vendor_number,
        "MFA_PUSH_API_KEY": push_app.api_key,
        "MFA_PUSH_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----",
        "MFA_CONNECT_TIMEOUT": "2",
        "MFA_READ_TIMEOUT": "0.5",
    }
    settings: MfaSettings = environ.to_config(MfaSettings, environ={**variables, **changes})
    return settings


@dataclass(kw_only=True)
class Desk:
    """One installation's second factor."""

    database: ServiceDatabase
    clock: ManualClock
    push_app: PushApp
    provider: Evrotrust
    account_id: UUID = field(default_factory=new_id)

    # --- identity's events ---

    def know(
        self, phone: str = PHONE, *, account_id: UUID | None = None, sequence: int = 1, language: str = "bg"
    ) -> None:
        """Identity issued (or changed) an account."""
        event = AccountIssued(
            account_id=account_id or self.account_id,
            login="elena",
            given_name="Елена",
            family_name="Димитрова",
            email="elena@broker.example",
            phone=phone,
            language="bg",
            roles=["manager"],
        )
        deliver(self.database, SUBSCRIPTIONS, event, sequence=sequence)

    def begin(self, *, code: str = "47", account_id: UUID | None = None, for_: timedelta = FIVE_MINUTES) -> UUID:
        """Somebody's name and password were right: a sign-in waits for the phone."""
        return self.hear_sign_in(
            SignInAwaitingFactor(
                sign_in_id=new_id(),
                account_id=account_id or self.account_id,
                code=code,
                expires_at=self.clock.now() + for_,
            )
        )

    def hear_sign_in(self, event: SignInAwaitingFactor) -> UUID:
        """The event of a sign-in arrives, perhaps not for the first time."""
        deliver(self.database, SUBSCRIPTIONS, event)
        return event.sign_in_id

    def settle(self, sign_in_id: UUID, state: str = "cancelled") -> None:
        """Identity ended the sign-in."""
        deliver(
            self.database,
            SUBSCRIPTIONS,
            SignInSettled(sign_in_id=sign_in_id, account_id=self.account_id, state=state),
        )

    def report(self, sign_in_id: UUID) -> None:
        """The holder says: not me."""
        deliver(self.database, SUBSCRIPTIONS, SignInReported(sign_in_id=sign_in_id, account_id=self.account_id))

    # --- time and jobs ---

    def ask(self) -> None:
        """The job that sends."""
        while asking.ask_due(self.database.open_work, self.provider):
            pass

    def look(self, after: timedelta = timedelta(seconds=2)) -> None:
        """The job that looks, two seconds later."""
        self.pass_time(after)
        while looking.look_at_due(self.database.open_work, self.provider):
            pass

    def sweep(self) -> None:
        """The jobs that expire and take back."""
        while ending.expire_due(self.database.open_work):
            pass
        while ending.withdraw_due(self.database.open_work, self.provider):
            pass

    def run(self, seconds: int, *, every: int = 1) -> None:
        """Lets all jobs run for so long."""
        for _ in range(0, seconds, every):
            self.ask()
            self.look(timedelta(seconds=every))
            self.sweep()

    def pass_time(self, by: timedelta) -> None:
        """Moves our clock and the provider's."""
        self.clock.advance(by)
        self.push_app.provider.clock.offset += by

    # --- the provider ---

    def pushes(self) -> Sequence[Push]:
        """All pushes there ever were, oldest first."""
        return list(self.push_app.provider.pushes.values())

    def answer(self, status: int = Status.SIGNED, reason: int | None = None) -> Push:
        """The person (or the provider) settles the newest push."""
        push = self.pushes()[-1]
        assert self.push_app.provider.settle(push, status, reject_reason=reason)
        return push

    def fail(self, **fault: Any) -> None:
        """Plans a failure of the provider."""
        self.push_app.provider.faults.append(Fault(**fault))

    def asked(self, path: str) -> int:
        """How often the provider was asked for something."""
        return sum(path in entry["path"] for entry in self.push_app.provider.requests)

    # --- what came of it ---

    def told(self, sign_in_id: UUID | None = None) -> list[str]:
        """Types of the events this service recorded, in order, without prefix and version."""
        return [row.type.split(".")[1] for row in self._outbox(sign_in_id)]

    def told_of(self, kind: str) -> dict[str, Any]:
        """The data of the one event of this type."""
        (row,) = [row for row in self._outbox(None) if row.type == f"mfa.{kind}.v1"]
        payload: dict[str, Any] = row.payload
        return payload

    def challenge(self, sign_in_id: UUID) -> Challenge:
        """The challenge of a sign-in as it is now."""
        with self.database.open_work() as work:
            return work.session.scalars(select(Challenge).where(Challenge.sign_in_id == sign_in_id)).one()

    def state(self, sign_in_id: UUID) -> str:
        """Where the challenge of a sign-in stands."""
        return self.challenge(sign_in_id).state

    def _outbox(self, sign_in_id: UUID | None) -> list[Any]:
        with self.database.engine.connect() as connection:
            rows = connection.execute(select(outbox).order_by(outbox.c.position)).all()
        return [row for row in rows if sign_in_id is None or row.payload["sign_in_id"] == str(sign_in_id)]
