"""Keeper: brings what was given up on from the broker into the database, where people can deal with it.

A letter is acknowledged when the transaction that holds it is committed. While the database is away letters wait in
their queues; a letter that comes twice, because a process died in between, is found to be known.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from amqp.exceptions import AMQPError
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from libs.chassis.clock import Clock, SystemClock
from libs.chassis.ids import new_id
from libs.chassis.logging import get_logger
from libs.messaging import faults, metrics
from libs.messaging.backoff import Backoff
from libs.messaging.dead_letters import WAITING
from libs.messaging.letters import Letter, of_event, of_request
from libs.messaging.link import Delivery, Link, LinkDown
from libs.messaging.pulses import Pulse
from libs.messaging.tables import dead_letter_deeds, dead_letters
from libs.messaging.topology import dead_queue_of, queue_of, rpc_dead_queue_of, rpc_queue_of
from libs.messaging.work import Work, WorkFactory

log = get_logger(__name__)

PREFETCH = 50
READ_SECONDS = 0.25
LONGEST_PAUSE = 5.0
"""Between attempts while the database is away; short enough to keep the heartbeat."""

_NEWS = ("reason", "error", "handler", "body", "properties", "headers", "replayable")
"""What a letter that dies again tells anew."""


class Keeper:
    """Consumes the dead letters of one service in a thread of its own."""

    def __init__(
        self,
        service: str,
        url: str,
        *,
        open_work: WorkFactory,
        declare: Callable[[Any], None],
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._url = url
        self._open_work = open_work
        self._declare = declare
        self._clock = clock or SystemClock()
        self._in_hand: dict[tuple[UUID, str | None], _InHand] = {}
        self._stopping = threading.Event()
        self._consuming = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.pulse = Pulse("keeper")
        self.pulse.of(self._thread)

    @property
    def consuming(self) -> bool:
        """Whether dead letters are being taken now."""
        return self._consuming.is_set()

    def start(self) -> None:
        """Begin to connect and keep."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Keep what is in hand and end; the rest stays with the broker. False where that took too long."""
        self._stopping.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            self.pulse.beat()
            link = Link(self._url, name=f"{self._service}-worker keeper")
            try:
                self._serve(link, backoff)
                link.close()
            except (LinkDown, AMQPError) as error:  # the latter: a queue vanished between declaring and consuming
                log.warning("keeper lost the broker", reason=str(error))
            except Exception as error:
                log.error("keeper failed", **faults.for_log(error))
            finally:
                self._consuming.clear()
                link.abort()
            # what is in hand is kept even where it can no longer be acknowledged: its queue may be gone
            self._keep_all()
            self.pulse.rest(self._stopping, backoff.next())

    def _serve(self, link: Link, backoff: Backoff) -> None:
        link.open()
        self._declare(link.channel)
        for queue in (dead_queue_of(self._service), rpc_dead_queue_of(self._service)):
            link.consume(queue, self._take, prefetch=PREFETCH)
        self._consuming.set()
        backoff.reset()
        waiting = Backoff(most=LONGEST_PAUSE)
        while not self._stopping.is_set():
            self.pulse.beat()
            link.read(READ_SECONDS)
            if self._keep_all():
                waiting.reset()
            else:
                self._stopping.wait(waiting.next())

    def _take(self, delivery: Delivery) -> None:
        if delivery.queue == rpc_dead_queue_of(self._service):
            letter = of_request(rpc_queue_of(self._service), delivery, self._clock.now())
        else:
            letter = of_event(queue_of(self._service), delivery, self._clock.now())
        self._in_hand.setdefault((letter.values["id"], letter.death), _InHand(letter)).deliveries.append(delivery)

    def _keep_all(self) -> bool:
        """Keep what is in hand; false where the database is away and it must be tried again."""
        if not self._in_hand:
            return True
        try:
            self._keep(list(self._in_hand.values()))
            return True
        except Exception as error:
            if _will_pass(error):
                log.warning("dead letters wait for the database", reason=str(faults.describe(error)))
                return False
        return self._keep_one_by_one()

    def _keep_one_by_one(self) -> bool:
        for key, one in list(self._in_hand.items()):
            try:
                self._keep([one])
            except Exception as error:
                if _will_pass(error):
                    return False
                # it stays with the broker, unacknowledged, and is tried again on the next connection
                log.error("dead letter cannot be kept", letter_id=str(key[0]), **faults.for_log(error))
                del self._in_hand[key]
        return True

    def _keep(self, several: Sequence["_InHand"]) -> None:
        with self._open_work() as work:
            # in one order everywhere, so that two keepers do not wait for each other
            for one in sorted(several, key=lambda one: str(one.letter.values["id"])):
                keep(work, one.letter)
        for one in several:
            for delivery in one.deliveries:
                delivery.ack()
            metrics.letters_kept.labels(one.letter.values["reason"]).inc()
            log.info(
                "dead letter kept",
                letter_id=str(one.letter.values["id"]),
                reason=one.letter.values["reason"],
                type=one.letter.values["type"],
            )
            self._in_hand.pop((one.letter.values["id"], one.letter.death), None)


@dataclass
class _InHand:
    """A letter that is not kept yet, and the deliveries to acknowledge when it is."""

    letter: Letter
    deliveries: list[Delivery] = field(default_factory=list)


def keep(work: Work, letter: Letter) -> bool:
    """Write a death down; false where it was known already.

    A letter that dies again waits again, whatever was done with it before, and its history goes on.
    """
    now, values = work.now(), letter.values
    row = {
        **values,
        "first_died_at": letter.died_at,
        "last_died_at": letter.died_at,
        "status": WAITING,
        "changed_at": now,
        "note": "",
    }
    new = insert(dead_letters).values(row).on_conflict_do_nothing().returning(dead_letters.c.id)
    fresh = work.session.execute(new).first() is not None
    deed = {
        "id": new_id(),
        "letter_id": values["id"],
        "deed": "died",
        "done_by": "",
        "done_at": letter.died_at,
        "note": " ".join(part for part in (values["reason"], values["handler"], values["error"]) if part),
        "death": letter.death,
    }
    written = insert(dead_letter_deeds).values(deed).on_conflict_do_nothing().returning(dead_letter_deeds.c.id)
    if work.session.execute(written).first() is None:
        return fresh
    if not fresh:
        news = {name: values[name] for name in _NEWS}
        again = update(dead_letters).where(dead_letters.c.id == values["id"])
        work.session.execute(
            again.values(
                **news,
                attempts=dead_letters.c.attempts + values["attempts"],
                last_died_at=func.greatest(dead_letters.c.last_died_at, letter.died_at),
                status=WAITING,
                changed_at=now,
            )
        )
    return True


def _will_pass(error: Exception) -> bool:
    return faults.is_outage(error) or faults.is_overload(error) or faults.is_collision(error)
