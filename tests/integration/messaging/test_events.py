"""From the outbox over the broker into the inbox, with everything that can go wrong between."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.chassis.ids import new_id
from libs.messaging import dead_letters, envelope
from libs.messaging.envelope import Envelope
from libs.messaging.jobs import JobRunner
from libs.messaging.link import Link
from libs.messaging.publisher import Publisher
from libs.messaging.relay import Relay
from libs.messaging.topology import declare_all, declare_hearing
from libs.messaging.work import Work, WorkFactory
from libs.messaging.worker import Job, Subscriptions, Worker
from tests.integration.messaging.client import Client
from tests.integration.messaging.conftest import Database, Start
from tests.integration.messaging.example.lending.contracts import BookAdded, BookLent
from tests.integration.messaging.example.lending.handlers import tally
from tests.integration.messaging.example.lending.model import Book
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

LADDER = (0.2, 0.4)
LENT = "lending.book_lent.v1"
UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"

RunWorker = Callable[..., Worker]


@pytest.fixture
def run_worker(database: Database, broker: TestBroker) -> Iterator[RunWorker]:
    """Start a worker in this process: ``run_worker({BookLent: tally})``."""
    running: list[Worker] = []

    def run(subscriptions: Subscriptions, **options: Any) -> Worker:
        worker = Worker(
            "lending",
            engine=database.engine,
            amqp_url=broker.url,
            subscriptions=subscriptions,
            **{"ladder": LADDER, **options},
        )
        worker.start()
        running.append(worker)
        return worker

    yield run
    for worker in running:
        assert worker.stop()


@pytest.fixture
def client(broker: TestBroker) -> Iterator[Client]:
    client = Client(broker.url)
    yield client
    client.close()


def add_and_lend(database: Database, books: int = 1, loans: int = 1) -> list[UUID]:
    with database.open_work() as work:
        shelf = [Book.add(f"Book {number}") for number in range(books)]
        work.session.add_all(shelf)
        for book in shelf:
            for _ in range(loans):
                book.lend()
    return [book.id for book in shelf]


def tallies(database: Database) -> dict[UUID, int]:
    return {row.book_id: row.heard for row in database.all("SELECT book_id, heard FROM tallies")}


def ignore(work: Work, event: BookAdded) -> None:
    assert work.session.execute(text("SELECT 1")).scalar_one() == 1


HEAR: Subscriptions = {BookLent: tally, BookAdded: ignore}


def an_event(book_id: UUID | None = None, **attributes: Any) -> Envelope:
    subject = book_id or uuid4()
    return Envelope(
        **{
            "id": new_id(),
            "type": LENT,
            "source": "lending",
            "subject": str(subject),
            "time": BEGINNING,
            "correlation_id": "trace-9",
            "causation_id": None,
            "sequence": 1,
            "data": {"book_id": str(subject), "times": 1},
            **attributes,
        }
    )


BEGINNING = envelope.datetime.fromisoformat("2026-11-01T10:00:00+00:00")


@contextmanager
def broker_link(url: str) -> Iterator[Link]:
    link = Link(url, name="test")
    link.open()
    yield link
    link.close()


def publish(url: str, *events: Envelope) -> None:
    with broker_link(url) as link:
        for event in events:
            link.publish("lending.events", event.type, envelope.body_of(event), envelope.properties_of(event))


def test_an_event_reaches_its_handler_with_its_stamp(database: Database, run_worker: RunWorker) -> None:
    seen: list[Work] = []

    def look(work: Work, event: BookLent) -> None:
        seen.append(work)
        tally(work, event)

    run_worker({BookLent: look, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    eventually(lambda: tallies(database) == {book_id: 1})
    event_id = database.one("SELECT id FROM outbox WHERE type = :type", type=LENT)
    correlation = database.one("SELECT correlation_id FROM outbox WHERE type = :type", type=LENT)
    assert (seen[0].sequence, seen[0].causation_id, seen[0].correlation_id) == (2, str(event_id), correlation)
    assert eventually(lambda: database.one(UNPUBLISHED) == 0)


def test_an_event_published_before_anybody_was_there_waits(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    declare_all(broker.url, {"lending": {LENT, BookAdded.TYPE}}, ladder=LADDER)
    (book_id,) = add_and_lend(database)
    publisher = Publisher(broker.url, name="test")
    publisher.start()
    assert publisher.wait_connected(5)
    assert Relay(database.engine, publisher).forward() == 2
    publisher.stop()

    run_worker(HEAR)

    assert eventually(lambda: tallies(database) == {book_id: 1})


def test_every_event_delivered_five_times_in_any_order_is_applied_once(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    run_worker(HEAR, lanes=4)
    events = [an_event() for _ in range(60)]
    deliveries = events * 5
    random.Random(7).shuffle(deliveries)
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)

    publish(broker.url, *deliveries)

    assert eventually(lambda: database.one("SELECT count(*) FROM inbox") == 60)
    with client_of(broker) as client:
        assert eventually(lambda: client.depth("lending.events") == 0)
    assert tallies(database) == {UUID(event.subject): 1 for event in events}


@contextmanager
def client_of(broker: TestBroker) -> Iterator[Client]:
    client = Client(broker.url)
    yield client
    client.close()


def test_two_relays_lose_nothing_and_keep_the_order_of_each_subject(
    database: Database, broker: TestBroker, client: Client
) -> None:
    declare_all(broker.url, {"lending": {LENT, BookAdded.TYPE}}, ladder=LADDER)
    books = add_and_lend(database, books=40, loans=10)
    publishers = [Publisher(broker.url, name=f"relay {number}") for number in range(2)]
    relays = [Relay(database.engine, publisher, batch=15) for publisher in publishers]
    for part in (*publishers, *relays):
        part.start()

    eventually(lambda: database.one(UNPUBLISHED) == 0, 20)
    for part in (*relays, *publishers):
        part.stop()

    seen: dict[str, list[int]] = {}
    while (message := client.get("lending.events")) is not None:
        headers = message[0].headers
        seen.setdefault(headers["cloudEvents_subject"], []).append(headers["cloudEvents_sequence"])
    assert seen == {str(book): list(range(1, 12)) for book in books}


def test_a_crash_between_publishing_and_marking_loses_and_doubles_nothing(
    database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = iter([True, True, False])
    sort = Relay._sort

    def crash(relay: Relay, rows: Any, outcomes: Any) -> Any:
        if next(crashes, False):
            raise RuntimeError("the power went off after the publishing")
        return sort(relay, rows, outcomes)

    monkeypatch.setattr(Relay, "_sort", crash)
    run_worker(HEAR)
    books = add_and_lend(database, books=20)

    assert eventually(lambda: database.one(UNPUBLISHED) == 0, 20)
    assert eventually(lambda: tallies(database) == dict.fromkeys(books, 1))
    assert next(crashes, "used") == "used"


def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    database: Database, broker: TestBroker, start: Start
) -> None:
    books: list[UUID] = []
    for _ in range(3):
        process = start("worker", database=database, amqp_url=broker.url)
        process.wait_for("worker started")
        books += add_and_lend(database, books=150)
        before = len(tallies(database))
        eventually(lambda before=before: len(tallies(database)) > before)
        process.kill()

    last = start("worker", database=database, amqp_url=broker.url)

    assert eventually(lambda: tallies(database) == dict.fromkeys(books, 1), 30)
    assert eventually(lambda: database.one(UNPUBLISHED) == 0)
    assert last.memory() < 80
    assert last.stop() == 0


def poison(**changes: Any) -> dict[str, Any]:
    properties = envelope.properties_of(an_event())
    headers = {**properties["application_headers"], **changes.pop("headers", {})}
    return {**properties, "application_headers": headers, **changes}


POISON = {
    "not JSON": (b'{"book', poison(), "not_json"),
    "no text at all": (b"\xff\x00", poison(), "not_json"),
    "a list": (b"[]", poison(), "not_an_object"),
    "no properties": (b"{}", {}, "wrong_content_type"),
    "a pickle": (b"\x80", poison(content_type="application/x-python-serialize"), "wrong_content_type"),
    "a bare nameko event": (b"{}", {"content_type": "application/json"}, "no_cloud_event"),
    "an unknown type": (b"{}", poison(headers={"cloudEvents_type": "lending.burnt.v1"}), "unknown_type"),
    "an unknown version": (b"{}", poison(headers={"cloudEvents_type": "lending.book_lent.v9"}), "unknown_type"),
    "an id that is none": (b"{}", poison(headers={"cloudEvents_id": "17"}), "wrong_attribute"),
    "a time without a zone": (b"{}", poison(headers={"cloudEvents_time": "2026-11-01T10:00:00"}), "wrong_attribute"),
    "a text for a sequence": (b"{}", poison(headers={"cloudEvents_sequence": "two"}), "wrong_attribute"),
    "a missing field": (b'{"book_id": "0193b0a0-0000-7000-8000-000000000001"}', poison(), "invalid_data"),
}


def test_poison_goes_to_the_dead_letters_at_once_and_its_neighbours_are_handled(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    run_worker(HEAR)
    neighbours = [an_event() for _ in POISON]
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
        for (body, properties, _), neighbour in zip(POISON.values(), neighbours, strict=True):
            link.publish("", "lending.events", body, properties)
            link.publish("", "lending.events", envelope.body_of(neighbour), envelope.properties_of(neighbour))
    client.publish("lending.events", b"{}", exchange="", reply_to=b"\xff")

    assert eventually(lambda: tallies(database) == {UUID(one.subject): 1 for one in neighbours})
    assert eventually(lambda: client.depth("lending.events.dead") == len(POISON) + 1)
    letters = dead_letters.list_letters(broker.url, "lending")
    expected = Counter([reason for _, _, reason in POISON.values()] + ["damaged_properties"])
    assert Counter(letter.reason for letter in letters) == expected
    assert sorted(letter.body for letter in letters) == sorted([*(body for body, _, _ in POISON.values()), b"{}"])


def test_a_handler_that_fails_twice_succeeds_at_the_third_attempt(database: Database, run_worker: RunWorker) -> None:
    attempts: list[int] = []

    def stumble(work: Work, event: BookLent) -> None:
        tally(work, event)
        attempts.append(len(attempts) + 1)
        if len(attempts) < 3:
            raise RuntimeError("not yet")

    run_worker({BookLent: stumble, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {book_id: 1})
    assert attempts == [1, 2, 3]


def test_when_one_of_two_handlers_fails_the_other_is_not_run_again(database: Database, run_worker: RunWorker) -> None:
    ran: list[str] = []

    def steady(work: Work, event: BookLent) -> None:
        ran.append("steady")

    def shaky(work: Work, event: BookLent) -> None:
        ran.append("shaky")
        if ran.count("shaky") == 1:
            raise RuntimeError("not yet")

    run_worker({BookLent: [shaky, steady], BookAdded: ignore})
    add_and_lend(database)

    assert eventually(lambda: Counter(ran) == {"steady": 1, "shaky": 2})


def test_what_is_given_up_on_is_kept_without_personal_data_and_can_be_replayed(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    broken = threading.Event()
    broken.set()

    def fragile(work: Work, event: BookLent) -> None:
        if broken.is_set():
            raise RuntimeError("Ivan Petrov, 8001014509")
        tally(work, event)

    run_worker({BookLent: fragile, BookAdded: ignore})
    books = add_and_lend(database, books=3)
    eventually(lambda: client.depth("lending.events.dead") == 3)

    letters = dead_letters.list_letters(broker.url, "lending")
    letter = letters[0]
    assert (letter.reason, letter.type, letter.attempts) == ("given_up", LENT, len(LADDER))
    assert letter.handler.endswith("fragile")
    assert "RuntimeError" in letter.error
    assert "Petrov" not in repr(letters)
    assert eventually(lambda: client.depth("lending.events.dead") == 3), "looking takes nothing away"
    shown = dead_letters.show(broker.url, "lending", letter.id)
    assert shown is not None
    assert (shown.id, shown.body) == (letter.id, letter.body)
    assert dead_letters.show(broker.url, "lending", "another") is None

    broken.clear()
    assert dead_letters.replay(broker.url, "lending", [letter.id]) == 1
    assert eventually(lambda: len(tallies(database)) == 1)
    thrown_away = letters[1]
    assert dead_letters.discard(broker.url, "lending", [thrown_away.id]) == 1
    assert dead_letters.replay(broker.url, "lending") == 1
    kept = {book: 1 for book in books if str(book) != thrown_away.subject}
    assert eventually(lambda: tallies(database) == kept)
    assert eventually(lambda: client.depth("lending.events.dead") == 0)


def test_a_replay_of_what_was_handled_meanwhile_changes_nothing(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    run_worker(HEAR)
    event = an_event()
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT, BookAdded.TYPE}, ladder=LADDER)
    publish(broker.url, event)
    eventually(lambda: len(tallies(database)) == 1)
    client.publish(
        "lending.events.dead",
        envelope.body_of(event),
        exchange="",
        content_type="application/json",
        headers=envelope.properties_of(event)["application_headers"],
    )

    assert dead_letters.replay(broker.url, "lending") == 1

    assert eventually(lambda: client.depth("lending.events.dead") == 0 and client.depth("lending.events") == 0)
    assert tallies(database) == {UUID(event.subject): 1}


def test_an_event_that_no_queue_is_bound_for_stays_in_the_outbox(database: Database, broker: TestBroker) -> None:
    publisher = Publisher(broker.url, name="test", on_open=lambda channel: declare_hearing(channel, "lending", {LENT}))
    publisher.start()
    assert publisher.wait_connected(5)
    relay = Relay(database.engine, publisher)
    with database.open_work() as work:
        work.session.add(Book.add("Nobody hears of it"))

    assert relay.forward() == 0
    assert relay.forward() == 0
    publisher.stop()

    assert database.one(UNPUBLISHED) == 1


def test_a_process_that_an_event_brings_down_is_not_brought_down_for_ever(broker: TestBroker, client: Client) -> None:
    with broker_link(broker.url) as link:
        declare_hearing(link.channel, "lending", {LENT}, ladder=LADDER)
    publish(broker.url, an_event())
    taken = 0
    for _ in range(40):
        got: list[Any] = []
        link = Link(broker.url, name="crashing")
        link.open()
        link.consume("lending.events", got.append, prefetch=1)
        eventually(lambda link=link: link.read(0.1) or True)
        if not got:
            eventually(lambda link=link, got=got: link.read(0.1) or got or client.depth("lending.events.dead"))
        link.abort()
        taken += len(got)
        if client.depth("lending.events.dead"):
            break

    assert 15 <= taken <= 25
    (letter,) = dead_letters.list_letters(broker.url, "lending")
    assert letter.reason == "delivery_limit"


def test_stopping_finishes_what_was_begun_and_gives_back_the_rest(
    database: Database, broker: TestBroker, client: Client
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(work: Work, event: BookLent) -> None:
        begun.set()
        assert go_on.wait(10)
        tally(work, event)

    worker = Worker(
        "lending", engine=database.engine, amqp_url=broker.url, subscriptions={BookLent: slow}, ladder=LADDER, lanes=1
    )
    worker.start()
    eventually(lambda: worker.consumer.consuming)
    publish(broker.url, *(an_event() for _ in range(5)))
    assert begun.wait(10)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    eventually(lambda: worker.consumer._stopping.is_set())
    go_on.set()
    stopping.join(20)

    assert len(tallies(database)) == 1
    assert eventually(lambda: client.depth("lending.events") == 4)


def test_the_database_being_away_costs_no_attempts(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    failures: list[int] = []

    def cut_off(work: Work, event: BookLent) -> None:
        tally(work, event)
        if len(failures) < 5:
            failures.append(1)
            own = work.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            database.execute("SELECT pg_terminate_backend(:pid)", pid=own)
            work.session.execute(text("SELECT 1"))

    run_worker({BookLent: cut_off, BookAdded: ignore})
    (book_id,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {book_id: 1}, 20)
    assert len(failures) == 5 > len(LADDER)
    assert client.depth("lending.events.dead") == 0


def test_losing_every_connection_to_the_broker_ends_nothing(
    database: Database, broker: TestBroker, run_worker: RunWorker
) -> None:
    run_worker(HEAR)
    (first,) = add_and_lend(database)
    eventually(lambda: tallies(database) == {first: 1})

    broker.evaluate('[rabbit_networking:close_connection(Pid, "test") || Pid <- rabbit_networking:connections()]')
    (second,) = add_and_lend(database)

    assert eventually(lambda: tallies(database) == {first: 1, second: 1}, 20)


def test_a_job_runs_again_at_once_while_there_is_more_and_when_it_is_woken(
    database: Database, run_worker: RunWorker
) -> None:
    runs: list[int] = []

    def work_off(work: Work) -> bool:
        runs.append(1)
        return len(runs) in (1, 2)

    run_worker({}, jobs=[Job("work_off", every=timedelta(hours=1), run=work_off)])
    eventually(lambda: len(runs) == 3)

    def woken() -> bool:
        # the listener may still be on its way to the database
        if len(runs) == 3:
            with database.open_work() as work:
                work.wake("work_off")
        return len(runs) > 3

    assert eventually(woken, every=0.3)


def test_a_failing_job_is_rolled_back_and_tried_again(database: Database, run_worker: RunWorker) -> None:
    runs: list[int] = []

    def stumble(work: Work) -> None:
        work.session.add(Book.add(f"Run {len(runs)}"))
        work.session.flush()
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("not yet")

    run_worker({BookAdded: ignore}, jobs=[Job("stumble", every=timedelta(hours=1), run=stumble)])

    assert eventually(lambda: [row.title for row in database.all("SELECT title FROM books")] == ["Run 1"])


OPEN_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()
"""


def test_a_job_that_talks_to_others_opens_its_own_units_of_work(database: Database) -> None:
    open_transactions: list[int] = []

    def talk(open_work: WorkFactory) -> None:
        with open_work() as work:
            work.session.add(Book.add("Claimed"))
        open_transactions.append(database.one(OPEN_TRANSACTIONS))
        with open_work() as work:
            work.session.add(Book.add("Recorded"))

    job = Job("talk", every=timedelta(hours=1), run=talk, transactional=False)
    JobRunner(job, database.open_work).run_once()

    assert database.one("SELECT count(*) FROM books") == 2
    assert open_transactions == [0]


def test_events_can_be_read_by_a_stock_nameko_listener(
    database: Database, broker: TestBroker, run_worker: RunWorker, client: Client
) -> None:
    worker = run_worker(HEAR)
    eventually(lambda: worker.consumer.consuming)
    client.channel.queue_declare("evt-lending.events--listener", durable=True)
    client.channel.queue_bind("evt-lending.events--listener", "lending.events", LENT)
    (book_id,) = add_and_lend(database)

    message = eventually(lambda: client.get("evt-lending.events--listener"))

    assert message is not None
    assert (message[0].content_type, json.loads(message[1])) == (
        "application/json",
        {"book_id": str(book_id), "times": 1},
    )
