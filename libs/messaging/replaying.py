"""Sends dead letters back to the queue they died in, when somebody has asked for it.

The broker confirms each before it counts as replayed. A crash in between sends some twice, which the inbox knows. The
rows stay locked meanwhile: a letter that dies again at once is written down after it was marked, not before.
"""

from datetime import timedelta

from sqlalchemy import RowMapping, select, update

from libs.chassis.logging import get_logger
from libs.chassis.waits import broker_waits
from libs.messaging import metrics
from libs.messaging.dead_letters import JOB, REPLAYED, REPLAYING, write_deeds
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
    try:
        outcomes = publisher.publish([_parcel(service, row) for row in rows], timeout=broker_waits().pass_on_timeout)
    except LinkDown as error:
        log.warning("dead letters wait for the broker", reason=str(error))
        return False
    sent = [row["id"] for row, outcome in zip(rows, outcomes, strict=True) if outcome is Outcome.SENT]
    if sent:
        marked = update(dead_letters).where(dead_letters.c.id.in_(sent))
        work.session.execute(marked.values(status=REPLAYED, changed_at=work.now()))
        write_deeds(work, sent, "sent", done_by="", note="")
        metrics.letters_replayed.inc(len(sent))
        log.info("dead letters sent back", count=len(sent))
    if len(sent) < len(rows):
        log.error("dead letters cannot be sent back", count=len(rows) - len(sent))
        return False
    return len(rows) == BATCH


def _parcel(service: str, row: RowMapping) -> Parcel:
    return Parcel(
        exchange=inner_exchange_of(service),
        routing_key=queue_of(service),
        body=bytes(row["body"] or b""),
        properties=properties_for_replay(row["properties"], row["headers"], row["id"]),
    )
