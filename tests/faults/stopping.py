"""Stops a service's process while its hands are full, and says what became of every message it was given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text

from libs.chassis.ids import new_id
from libs.messaging.envelope import Envelope
from libs.messaging.topology import queue_of
from tests.faults.asking import Caller, was_delivered_before
from tests.faults.house import House
from tests.support.databases import ServiceDatabase
from tests.support.eventually import eventually

REQUESTS = 24
EVENTS = 40


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request as it is sent."""

    method: str
    request: Any
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """What a stop left behind."""

    code: int
    sent: int
    done: int
    """Requests that were answered, or events that were handled."""
    twice: int
    untouched: int
    given_back: int
    """Messages that were handed over and came back: the next process would see them a second time."""

    @property
    def was_clean(self) -> bool:
        """Whether it ended by itself in time, and each message was either dealt with once or not touched."""
        dealt_with = self.done + self.untouched == self.sent
        return self.code == 0 and dealt_with and self.done > 0 and self.twice == self.given_back == 0


def stop_rpc(house: House, caller: Caller, service: str, questions: Sequence[Question]) -> Stop:
    """SIGTERM to a service's rpc while it cannot get on with the requests it has taken; the process must be ready."""
    name, before = f"{service}-rpc", len(caller.answered)
    with _held_up(house.databases(service)):
        sent = [
            caller.send(one.method, one.request, token=one.token, command_id=str(new_id()))
            for one in (questions[number % len(questions)] for number in range(REQUESTS))
        ]
        eventually(lambda: _waiting_for_locks(house.databases(service), name), 20)
        house.ask_to_stop(name)
        eventually(lambda: _last_words(house, name) == "rpc stops", 20)
    code = house.wait_end(name)
    caller.hears(sent, 0.5)
    left = caller.take_all(f"rpc-{service}")
    answered = caller.answered[before:]
    return Stop(
        code=code,
        sent=len(sent),
        done=len(set(answered)),
        twice=len(answered) - len(set(answered)),
        untouched=len(left),
        given_back=sum(was_delivered_before(one) for one in left),
    )


def stop_worker(house: House, caller: Caller, service: str, history: Sequence[Envelope]) -> Stop:
    """SIGTERM to a service's worker while it cannot get on with the events it has taken."""
    name, database = f"{service}-worker", house.databases(service)
    events = [replace(history[number % len(history)], id=new_id()) for number in range(EVENTS)]
    with _held_up(database):
        caller.tell(*events)
        eventually(lambda: _waiting_for_locks(database, name), 20)
        house.ask_to_stop(name)
        eventually(lambda: _last_words(house, name) == "worker stops", 20)
    code = house.wait_end(name)
    left = caller.take_all(queue_of(service))
    statement = text("SELECT count(DISTINCT message_id) FROM inbox WHERE message_id = ANY(:ids)")
    with database.engine.connect() as connection:
        handled = connection.execute(statement, {"ids": [event.id for event in events]}).scalar_one()
    return Stop(
        code=code,
        sent=len(events),
        done=handled,
        twice=0,  # the inbox's own key
        untouched=len(left),
        given_back=sum(was_delivered_before(one) for one in left),
    )


@contextmanager
def _held_up(database: ServiceDatabase) -> Iterator[None]:
    """Nobody can read or write any table until the block ends."""
    with database.engine.begin() as connection:
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
        tables = ", ".join(f'"{name}"' for name in sorted(found) if name != "alembic_version")
        connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
        yield


def _waiting_for_locks(database: ServiceDatabase, name: str) -> int:
    """How many of a program's connections wait for a lock."""
    statement = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name AND wait_event_type = 'Lock'"
    )
    with database.engine.connect() as connection:
        found: int = connection.execute(statement, {"name": name}).scalar_one()
    return found


def _last_words(house: House, name: str) -> str:
    """The last event of the main thread's life that a program logged."""
    known = ("rpc started", "worker started", "rpc stops", "worker stops", "rpc stopped", "worker stopped")
    said = [str(line.get("event")) for line in house.log(name) if line.get("event") in known]
    return said[-1] if said else ""
