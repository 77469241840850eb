"""The keeper brings every letter into the database, whatever lies there and whatever is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from libs.contracts.dead_letters import (
    DeadLettersDealtWith,
)
from libs.contracts.errors import Conflict
from libs.messaging import envelope
from libs.messaging.jobs import JobRunner
from libs.messaging.keeper import Keeper
from libs.messaging.link import Delivery, Link
from libs.messaging.notes import Notes
from libs.messaging.publisher import Parcel
from libs.messaging.replaying import job
from libs.messaging.topology import (
    dead_queue_of,
    declare_hearing,
    declare_rpc,
    inner_exchange_of,
    queue_of,
    rpc_dead_queue_of,
)
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.dead import (
    bury,
    declare,
    deeds,
    discard,
    letters_of,
    published,
    put,
    replay,
    send,
    shown,
)
from tests.integration.messaging.events import (
    HEAR,
    LADDER,
    LENT,
    RunWorker,
    an_event,
    broker_link,
)
from tests.integration.messaging.example.lending.contracts import BookAdded
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker
from tests.support.ground import Ground


@contextmanager
def keeping(database: Database, url: str) -> Iterator[Keeper]:
    def declare_all(channel: Any) -> None:
        declare_hearing(channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        declare_rpc(channel, "lending")

    keeper = Keeper("lending", url, open_work=database.open_work, declare=declare_all)
    keeper.start()
    try:
        yield keeper
    finally:
        assert keeper.stop(10)


def test_the_same_death_told_twice_is_one_death(database: Database, broker: TestBroker, client: Client) -> None:
    declare(broker.url)
    event = an_event()
    for died_at in ("2026-11-01T10:00:00+00:00", "2026-11-01T10:00:00+00:00", "2026-11-01T10:30:00+00:00"):
        bury(broker.url, event, **{"x-died-at": died_at})

    with keeping(database, broker.url):
        assert eventually(lambda: client.depth(dead_queue_of("lending")) == 0 and letters_of(database))

    (letter,) = letters_of(database)
    assert (letter.attempts, letter.last_died_at.hour, letter.last_died_at.minute) == (2, 10, 30)
    assert deeds(database, letter) == [("died", ""), ("died", "")]


def test_while_the_database_is_away_no_letter_is_lost(
    database: Database, broker: TestBroker, client: Client, ground: Ground
) -> None:
    declare(broker.url)
    with keeping(database, broker.url):
        bury(broker.url, *(an_event() for _ in range(20)))
        eventually(lambda: len(letters_of(database)) == 20)
        with away(database, ground):
            bury(broker.url, *(an_event() for _ in range(130)))
            assert eventually(lambda: client.depth(dead_queue_of("lending")) == 80), "50 in hand, none acknowledged"

        assert eventually(lambda: len(letters_of(database)) == 150, 20)
    assert client.depth(dead_queue_of("lending")) == 0


@contextmanager
def away(database: Database, ground: Ground) -> Iterator[None]:
    """No connection to the database is left, and none can be made."""
    name = str(database.engine.url.database)
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(ground.postgres.admin_url, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_the_queue_of_the_dead_may_vanish_while_letters_arrive(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    worker = run_worker(HEAR)
    eventually(lambda: worker.keeper.consuming)
    for number in range(5):
        with broker_link(broker.url) as link:
            link.channel.queue_delete(dead_queue_of("lending"))
            send(broker.url, *((LENT, b"no JSON", envelope.properties_of(an_event())) for _ in range(20)))
        assert eventually(lambda so_far=20 * (number + 1): len(letters_of(database)) == so_far, 30)

    assert {letter.reason for letter in letters_of(database)} == {"not_json"}


def test_what_the_broker_itself_moves_among_the_dead_is_understood(database: Database, broker: TestBroker) -> None:
    declare(broker.url)
    event = an_event()
    with broker_link(broker.url) as link:
        got: list[Delivery] = []
        link.consume(queue_of("lending"), got.append, prefetch=1)
        send(broker.url, (LENT, envelope.body_of(event), envelope.properties_of(event)))
        eventually(lambda: link.read(0.05) or got)
        got[0].reject()

    with keeping(database, broker.url):
        (letter,) = eventually(lambda: letters_of(database))

    assert (letter.reason, letter.type, letter.message_id) == ("rejected", LENT, str(event.id))
    assert letter.replayable


def test_anything_at_all_can_be_kept_shown_and_given_back(
    database: Database, broker: TestBroker, client: Client
) -> None:
    declare(broker.url)
    odd = {
        "bytes": b"\xff\x00",
        "nothing": None,
        "a time": datetime(2026, 3, 2, tzinfo=UTC),
        "a sum": Decimal("1.25"),
        "nested": {"$text": [1, "two\x00", {"3": True}]},
        "huge": "x" * 5_000,
        "x-reason": "given\x00up",
    }
    dead = {"exchange": inner_exchange_of("lending"), "routing_key": dead_queue_of("lending")}
    put(
        broker.url,
        Parcel(**dead, body=b"\xff\x00", properties={"message_id": "0"}),
        Parcel(**dead, body=b"\xf0 odd", properties={"application_headers": odd, "message_id": "1"}),
    )
    client.publish(dead["routing_key"], b"damaged", exchange=dead["exchange"], reply_to=b"\xff")

    with keeping(database, broker.url):
        letters = eventually(lambda: len(found := letters_of(database)) == 3 and found)

    whole = {letter.size: shown(database, letter) for letter in letters}
    assert (whole[2].body_form, whole[2].body) == ("base64", "/wA=")
    assert (whole[5].reason, len(whole[5].headers["huge"])) == ("given\ufffdup", 2_000)
    assert (whole[7].reason, whole[7].replayable) == ("damaged_properties", False)
    assert replay(database, all_waiting=True) == DeadLettersDealtWith(count=2, left=1)
    with published(broker.url) as publisher:
        JobRunner(job("lending", publisher), database.open_work).run_once()
    again = [client.get(queue_of("lending")) for _ in range(2)]
    headers = next(got[0].headers for got in again if got and "bytes" in got[0].headers)
    headers.pop("x-delivery-count", None)
    assert {name: value for name, value in headers.items() if name != "a time"} == {
        name: value for name, value in odd.items() if name not in ("a time", "x-reason")
    }
    assert {got[1] for got in again if got} == {b"\xff\x00", b"\xf0 odd"}


def test_of_a_request_only_its_outline_is_kept(database: Database, broker: TestBroker, client: Client) -> None:
    declare(broker.url)
    secret = b'{"kwargs": {"request": {"password": "four quiet rivers"'
    with broker_link(broker.url) as link:
        notes, gone = Notes(link, "lending"), Link(broker.url, name="gone")  # nothing can be acknowledged on it
        for _ in range(3):
            headers = {"nameko.principal": "eyJ-secret"}
            properties = {"content_type": "application/json", "application_headers": headers}
            request = Delivery(
                link=gone, tag=0, redelivered=False, exchange="nameko-rpc", routing_key="lending.lend",
                properties=properties, body=secret,
            )  # fmt: skip
            notes.write(request, "not_json")
        eventually(lambda: link.read(0.05) or not notes._waiting)
    # a whole request, as a broker would move it
    died = {"x-death": [{"reason": "delivery_limit", "queue": "rpc-lending", "routing-keys": ["lending.add"]}]}
    properties = {"application_headers": died, "message_id": "1"}
    dead = {"exchange": inner_exchange_of("lending"), "routing_key": rpc_dead_queue_of("lending")}
    put(broker.url, Parcel(**dead, body=secret, properties=properties))

    with keeping(database, broker.url):
        eventually(lambda: client.depth(rpc_dead_queue_of("lending")) == 0)
        letters = eventually(lambda: len(found := letters_of(database)) == 2 and found)

    told = {(one.type, one.reason, one.attempts, one.size, one.replayable) for one in letters}
    assert told == {
        ("lending.lend", "not_json", 3, len(secret), False),
        ("lending.add", "delivery_limit", 1, len(secret), False),
    }
    everything = repr([shown(database, letter) for letter in letters])
    assert "rivers" not in everything
    assert "eyJ-secret" not in everything
    with pytest.raises(Conflict) as refused:
        replay(database, letter_ids=[letters[0].id])
    assert refused.value.code == "cannot_be_replayed"
    assert replay(database, all_waiting=True) == DeadLettersDealtWith(count=0, left=2)
    assert discard(database, all_waiting=True, note="Програмата е поправена.").count == 2
