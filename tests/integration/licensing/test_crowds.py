"""Many at once: seats can never be over-assigned, and no count is ever wrong on the way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from libs.chassis.database import create_engine, session_factory
from libs.chassis.waits import DatabaseWaits
from libs.contracts.errors import Conflict
from libs.contracts.licensing import SeatAssigned
from services.licensing.model import Assignment, Seat
from tests.support.builders.events import recorded
from tests.support.builders.licensing import Broker, a_training
from tests.support.databases import Databases, ServiceDatabase

CONNECTIONS = 24


@pytest.fixture
def database(service_database: Databases) -> Iterator[ServiceDatabase]:
    """The licensing database, with patience for a crowd that waits for connections."""
    small = service_database("licensing")
    engine = create_engine(small.url, pool_size=CONNECTIONS, waits=DatabaseWaits(pool_timeout=90.0, lock_timeout=60.0))
    yield replace(small, engine=engine, sessions=session_factory(engine))
    engine.dispose()


def rush(people: list[UUID], deed: Callable[[UUID], object]) -> Counter[str]:
    """All at once: how many succeeded and how many were refused with which code and parameters."""
    barrier = threading.Barrier(len(people))

    def one(person: UUID) -> str:
        barrier.wait(timeout=60)
        try:
            deed(person)
        except Conflict as refusal:
            return f"{refusal.code} {refusal.params}"
        return "seated"

    with ThreadPoolExecutor(len(people)) as pool:
        return Counter(pool.map(one, people))


@pytest.mark.story("INS-25")
@pytest.mark.parametrize(("crowd", "seats"), [(200, 50), (500, 300)])
def test_a_crowd_gets_exactly_as_many_seats_as_there_are(database: ServiceDatabase, crowd: int, seats: int) -> None:
    broker = Broker(database=database)
    training = a_training()
    broker.bought(training, seats)
    people = broker.employs(crowd)
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.append(broker.licence(training).available)
            over.wait(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        outcome = rush(people, lambda person: broker.assigns(training, [person]))
    finally:
        over.set()
        watcher.join()

    assert outcome == {
        "seated": seats,
        "not_enough_seats {'wanted': 1, 'available': 0}": crowd - seats,
    }
    licence = broker.licence(training)
    assert (licence.granted, licence.assigned, licence.available) == (seats, seats, 0)
    assert seen
    assert min(seen) >= 0
    assert seen == sorted(seen, reverse=True)
    assert len(recorded(database, SeatAssigned)) == seats
    with database.sessions() as session:
        holders = session.scalar(select(func.count(Seat.assignment_id.distinct())))
        in_hands = session.scalar(select(func.count(Assignment.seat_id.distinct())))
    assert (holders, in_hands) == (seats, seats)


@pytest.mark.story("INS-26")
def test_one_person_wanted_by_twenty_requests_gets_one_seat(database: ServiceDatabase) -> None:
    broker = Broker(database=database)
    training = a_training()
    broker.bought(training, 20)
    (person,) = broker.employs(1)

    outcome = rush([person] * 20, lambda one: broker.assigns(training, [one]))

    assert outcome["seated"] == 1
    assert sum(count for answer, count in outcome.items() if answer.startswith("already_assigned")) == 19
    assert broker.licence(training).assigned == 1


def test_the_database_itself_refuses_two_assignments_on_one_seat(database: ServiceDatabase) -> None:
    broker = Broker(database=database)
    training = a_training()
    broker.bought(training, 2)
    first, second = broker.assigns(training, broker.employs(2)).items

    with database.sessions() as session:
        taken = session.scalar(select(Assignment.seat_id).where(Assignment.id == first.id))
        twice = update(Assignment).where(Assignment.id == second.id).values(seat_id=taken)
        with pytest.raises(IntegrityError, match="uq_assignments_seat"):
            session.execute(twice)


def test_the_database_itself_refuses_a_second_unfinished_seat_of_a_person(database: ServiceDatabase) -> None:
    broker = Broker(database=database)
    training = a_training()
    broker.bought(training, 2)
    (held,) = broker.assigns(training, broker.employs(1)).items

    with database.sessions() as session:
        row = session.execute(select(Assignment.__table__).where(Assignment.id == held.id)).mappings().one()
        free = session.scalar(select(Seat.id).where(Seat.assignment_id.is_(None)))
        second = insert(Assignment).values({**row, "id": broker.id, "seat_id": free})
        with pytest.raises(IntegrityError, match="uq_assignments_unfinished"):
            session.execute(second)


def pages_read(broker: Broker, sku: str) -> int:
    """How many pages of the database one claim of a seat reads."""
    statement = (
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id, valid_until FROM seats"
        " WHERE pool_id = (SELECT id FROM seat_pools WHERE sku = :sku) AND assignment_id IS NULL"
        " AND valid_until >= CURRENT_DATE ORDER BY valid_until, id LIMIT 1 FOR UPDATE"
    )
    with broker.database.engine.begin() as connection:
        plan = connection.execute(text(statement), {"sku": sku}).scalar_one()
    counts = plan[0]["Plan"]
    return int(counts["Shared Hit Blocks"]) + int(counts["Shared Read Blocks"])


def test_a_claim_reads_as_little_of_a_hundred_thousand_seats_as_of_a_hundred(database: ServiceDatabase) -> None:
    broker = Broker(database=database)
    small, large = a_training(), a_training()
    broker.bought(small, 100)
    broker.bought(large, 100_000)
    for training in (small, large):
        broker.assigns(training, broker.employs(50))
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))

    # two more levels of the index, and no more than that
    assert pages_read(broker, large.sku) <= pages_read(broker, small.sku) + 6
    assert pages_read(broker, large.sku) < 40
