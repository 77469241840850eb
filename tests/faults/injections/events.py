"""Events that come five times, in any order, while the main job goes on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg.rows import dict_row

from deploy.local.postgres import SERVICES
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.relay import parcel_of
from tests.faults import chance
from tests.faults.injections import Fault
from tests.faults.stage import Stage

TIMES = 5
MOST = 300
"""Of each service, the newest so many."""
BATCH = 200
CONFIRM_SECONDS = 30.0
_PUBLISHED = """
    SELECT id, type, subject, sequence, correlation_id, causation_id, occurred_at, payload FROM outbox
    WHERE published_at IS NOT NULL ORDER BY position DESC LIMIT %s
"""


def five_times(stage: Stage) -> None:
    """Publish every event four times more, shuffled, through the exchange of the service that told it."""
    most = 60 if stage.short else MOST
    parcels = [parcel for service in SERVICES for parcel in _told_by(stage, service, most)]
    again = parcels * (TIMES - 1)
    chance.source().shuffle(again)
    publisher = Publisher(stage.broker.url, name="faults")
    publisher.start()
    try:
        assert publisher.wait_connected(10), "the broker does not let the faults in"
        for start in range(0, len(again), BATCH):
            outcomes = publisher.publish(again[start : start + BATCH], timeout=CONFIRM_SECONDS)
            assert set(outcomes) == {Outcome.SENT}, f"the broker took only some: {outcomes.count(Outcome.SENT)}"
            stage.rest(0.2)
    finally:
        publisher.stop()
    stage.log(f"{len(parcels)} events were published {TIMES - 1} times more")


def _told_by(stage: Stage, service: str, most: int) -> Iterator[Parcel]:
    address = stage.database(service).replace("+psycopg", "")
    with psycopg.connect(address, row_factory=dict_row) as connection:
        for row in connection.execute(_PUBLISHED, [most]).fetchall():
            yield parcel_of(row)


FAULTS = [
    Fault(
        name="events-five-times",
        injected="every event five times in random order",
        run=five_times,
        seconds=45,
        short=True,
    ),
]
