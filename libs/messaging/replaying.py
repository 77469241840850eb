"""Sends dead letters back to the queue they died in, when somebody has asked for it.

The broker confirms each before it counts as replayed. A crash in between sends some twice, which the inbox knows. The
rows stay locked meanwhile: a letter that dies again at once is written down after it was marked, not before.

A letter that cannot be written as a message is put back to wait, for good: the broker is never asked to take it, and
those behind it are not held up.
"""

from collections.abc import Sequence
from datetime import timedelta

import amqp
from sqlalchemy import RowMapping, select, update

from libs.chassis.logging import get_logger
from libs.chassis.waits import broker_waits
from libs.messaging import faults, metrics
from libs.messaging.dead_letters import JOB, REPLAYED, REPLAYING, WAITING, write_deeds
from libs.messaging.jobs import Job
from libs.messaging.letters import properties_for_replay
from libs.messaging.link import LinkDown
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.tables import dead_letters
from libs.messaging.topology import inner_exchange_of, queue_of
from libs.messaging.work import Work

log = get_logger(__name__)

BATCH = 50
EVERY = timedelta(seconds=10)

MOST_PROPERTIES = 128 * 1024 - 20
"""Bytes of properties and headers that fit into the one frame which RabbitMQ allows for them."""

UNSENDABLE = "cannot be sent again: its headers or properties cannot be written as a message"


def job(service: str, publisher: Publisher) -> Job:
    """The job of a worker that sends back what is to be replayed."""

    def run(work: Work) -> bool:
        return send_back(work, service, publisher)

    return Job(JOB, every=EVERY, run=run)


def send_back(work: Work, service: str, publisher: Publisher) -> bool:
    """Publish one batch of letters and mark them; true where there may be more."""
    waiting = (
        select(dead_letters)
        .where(dead_letters.c.status == REPLAYING)
        .order_by(dead_letters.c.first_died_at, dead_letters.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = work.session.execute(waiting).mappings().all()
    if not rows:
        return False
    ready, unsendable = _sorted_out(service, rows)
    if unsendable:
        _put_back(work, unsendable)
    try:
        outcomes = publisher.publish([parcel for _, parcel in ready], timeout=broker_waits().pass_on_timeout)
    except LinkDown as error:
        log.warning("dead letters wait for the broker", reason=str(error))
        return False
    sent = [row["id"] for (row, _), outcome in zip(ready, outcomes, strict=True) if outcome is Outcome.SENT]
    if sent:
        marked = update(dead_letters).where(dead_letters.c.id.in_(sent))
        work.session.execute(marked.values(status=REPLAYED, changed_at=work.now()))
        write_deeds(work, sent, "sent", done_by="", note="")
        metrics.letters_replayed.inc(len(sent))
        log.info("dead letters sent back", count=len(sent))
    if len(sent) < len(ready):
        log.error("dead letters cannot be sent back", count=len(ready) - len(sent))
        return False
    return len(rows) == BATCH


def _sorted_out(
    service: str, rows: Sequence[RowMapping]
) -> tuple[list[tuple[RowMapping, Parcel]], list[tuple[RowMapping, Exception]]]:
    """The letters that can be written as a message, and those that cannot, with the reason."""
    ready, unsendable = [], []
    for row in rows:
        try:
            parcel = _parcel(service, row)
            _check_writable(parcel)
        except Exception as error:  # whatever a stranger's headers make the encoder do
            unsendable.append((row, error))
        else:
            ready.append((row, parcel))
    return ready, unsendable


def _check_writable(parcel: Parcel) -> None:
    # found out while it is written, it would cost the connection, and with it all letters of the batch
    if len(amqp.Message(b"", **parcel.properties)._serialize_properties()) > MOST_PROPERTIES:
        raise ValueError("too long for a frame")


def _put_back(work: Work, unsendable: Sequence[tuple[RowMapping, Exception]]) -> None:
    for row, error in unsendable:
        told = "; ".join(part for part in (UNSENDABLE, row["error"]) if part)
        changed = update(dead_letters).where(dead_letters.c.id == row["id"])
        work.session.execute(changed.values(status=WAITING, replayable=False, error=told[:2000], changed_at=work.now()))
        log.error("dead letter cannot be written as a message", letter_id=str(row["id"]), **faults.for_log(error))
    write_deeds(work, [row["id"] for row, _ in unsendable], "unsendable", done_by="", note=UNSENDABLE)


def _parcel(service: str, row: RowMapping) -> Parcel:
    return Parcel(
        exchange=inner_exchange_of(service),
        routing_key=queue_of(service),
        body=bytes(row["body"] or b""),
        properties=properties_for_replay(row["properties"], row["headers"], row["id"]),
    )
