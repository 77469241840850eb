"""What the tests of dead letters share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from libs.contracts.dead_letters import (
    DeadLettersDealtWith,
    DeadLetterView,
    DiscardDeadLetters,
    GetDeadLetter,
    ListDeadLetters,
    ReplayDeadLetters,
)
from libs.messaging import dead_letters, envelope
from libs.messaging.envelope import Envelope
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.topology import (
    dead_queue_of,
    declare_hearing,
    declare_rpc,
    inner_exchange_of,
)
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.events import (
    LADDER,
    LENT,
    broker_link,
)
from tests.integration.messaging.example.lending.contracts import BookAdded

OPERATOR = "vanya@desk"


def letters_of(database: Database, **wanted: Any) -> list[DeadLetterView]:
    with database.open_work() as work:
        return dead_letters.list_letters(work, ListDeadLetters(**{"status": "", "page_size": 200, **wanted})).items


def shown(database: Database, letter: DeadLetterView) -> DeadLetterView:
    with database.open_work() as work:
        return dead_letters.show(work, GetDeadLetter(letter_id=letter.id))


def replay(database: Database, **chosen: Any) -> DeadLettersDealtWith:
    with database.open_work() as work:
        return dead_letters.replay(work, ReplayDeadLetters(**chosen), done_by=OPERATOR)


def discard(database: Database, **chosen: Any) -> DeadLettersDealtWith:
    with database.open_work() as work:
        return dead_letters.discard(work, DiscardDeadLetters(**chosen), done_by=OPERATOR)


def states(database: Database) -> Counter[str]:
    return Counter(letter.status for letter in letters_of(database))


def deeds(database: Database, letter: DeadLetterView) -> list[tuple[str, str]]:
    return [(deed.deed, deed.done_by) for deed in reversed(shown(database, letter).history)]


@contextmanager
def published(url: str) -> Iterator[Publisher]:
    publisher = Publisher(url, name="test")
    publisher.start()
    assert publisher.wait_connected(10)
    try:
        yield publisher
    finally:
        publisher.stop()


def bury(url: str, *events: Envelope, **headers: Any) -> None:
    """Put events among the dead as the consumer does, confirmed."""
    parcels = []
    for event in events:
        properties = envelope.properties_of(event)
        stamp = {**properties["application_headers"], "x-reason": "given_up", **headers}
        parcels.append(
            Parcel(
                exchange=inner_exchange_of("lending"),
                routing_key=dead_queue_of("lending"),
                body=envelope.body_of(event),
                properties={**properties, "application_headers": stamp},
            )
        )
    put(url, *parcels)


def put(url: str, *parcels: Parcel) -> None:
    """Publish, confirmed: what is not may be lost when its connection closes."""
    with published(url) as publisher:
        assert set(publisher.publish(parcels, timeout=10)) == {Outcome.SENT}


def send(url: str, *messages: tuple[str, bytes, dict[str, Any]]) -> None:
    """Send messages of these routing keys, bodies and properties to whoever hears them."""
    put(
        url,
        *(
            Parcel(exchange="lending.events", routing_key=key, body=body, properties=properties)
            for key, body, properties in messages
        ),
    )


def declare(url: str) -> None:
    with broker_link(url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        declare_rpc(link.channel, "lending")
