"""Consumer: hears a service's events and sees each handled once, retried with growing delay, or kept as a dead letter.

One thread reads the broker; a few *lanes* handle. A subject always goes to the same lane, so that one process handles
the events of a subject in the order they came; across replicas and retries the order is not promised: handlers compare
``work.sequence``.

A process that dies has up to ``PREFETCH`` messages in hand, and the broker counts a delivery for each. They go by the
suspects' queue, of which each process has one in hand at a time; who is in hand there when a process dies again has
brought it down, and climbs the ladder as after any other failure.
"""

import queue
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any
from zlib import crc32

from sqlalchemy.exc import IntegrityError

from libs.chassis.ids import new_id
from libs.chassis.logging import correlation_id, get_logger
from libs.chassis.waits import broker_waits
from libs.contracts.base import Event
from libs.messaging import faults, metrics
from libs.messaging.backoff import Backoff
from libs.messaging.envelope import PREFIX, Envelope, Poison
from libs.messaging.fail_points import reach
from libs.messaging.inbox import receive
from libs.messaging.jobs import NamedHandler, Subscriptions
from libs.messaging.link import Delivery, Link, LinkDown
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.pulses import LONGEST_PAUSE, Pulse
from libs.messaging.reading import Reader, type_of
from libs.messaging.topology import (
    LADDER,
    dead_queue_of,
    declare_hearing,
    inner_exchange_of,
    queue_of,
    retry_queue_of,
    suspect_queue_of,
)
from libs.messaging.work import WorkFactory

log = get_logger(__name__)

LANES = 2
PREFETCH = 32

ATTEMPT, HANDLER, ERROR, REASON, DIED_AT = "x-attempt", "x-handler", "x-error", "x-reason", "x-died-at"
_BROKERS_OWN = ("x-death", "x-first-death", "x-last-death", "x-delivery-count", "x-acquired-count")


class Abandoned(Exception):
    """The process stops, or the broker has taken the message back: leave it unacknowledged."""


class Consumer:
    """Consumes the event queue of one service."""

    def __init__(
        self,
        service: str,
        url: str,
        *,
        subscriptions: Subscriptions,
        open_work: WorkFactory,
        publisher: Publisher,
        lanes: int = LANES,
        prefetch: int = PREFETCH,
        ladder: Sequence[float] = LADDER,
    ) -> None:
        self._service = service
        self._url = url
        self._reader = Reader(service, subscriptions)
        self._open_work = open_work
        self._publisher = publisher
        self._prefetch = prefetch
        self._ladder = tuple(ladder)
        self._stopping = threading.Event()
        self._consuming = threading.Event()
        self._lanes: list[queue.SimpleQueue[Delivery | None]] = [queue.SimpleQueue() for _ in range(lanes)]
        self.pulses = [Pulse(f"lane-{number}") for number in range(lanes)]
        self._here = threading.local()
        self._threads = [
            threading.Thread(target=self._work_lane, args=(lane, pulse), name=pulse.name, daemon=True)
            for lane, pulse in zip(self._lanes, self.pulses, strict=True)
        ]
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self.pulses.append(Pulse("consumer"))
        for pulse, thread in zip(self.pulses, (*self._threads, self._thread), strict=True):
            pulse.of(thread)

    @property
    def consuming(self) -> bool:
        """Whether the queue is being consumed now."""
        return self._consuming.is_set()

    def declare(self, channel: Any) -> None:
        """Declare the service's queues and bindings."""
        declare_hearing(channel, self._service, self._reader.types, ladder=self._ladder)

    def start(self) -> None:
        """Begin to connect and consume."""
        for thread in (*self._threads, self._thread):
            thread.start()

    def stop(self, timeout: float = 20.0) -> bool:
        """Take no more and handle what the broker has handed over; false where that took too long.

        Nothing is given back: a message that comes again counts as one whose process died.
        """
        self._stopping.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- the reading thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            link = Link(self._url, name=f"{self._service}-worker consumer")
            self.pulses[-1].beat()
            try:
                link.open()
                self.declare(link.channel)
                tags = [
                    link.consume(queue_of(self._service), self._take, prefetch=self._prefetch),
                    link.consume(suspect_queue_of(self._service), self._take, prefetch=1),
                ]
                self._consuming.set()
                backoff.reset()
                while not self._stopping.is_set():
                    link.read(0.25)
                    self.pulses[-1].beat()
                self._drain(link, tags)
            except LinkDown as error:
                log.warning("consumer lost the broker", reason=str(error))
            except Exception:
                log.exception("consumer failed")
            finally:
                self._consuming.clear()
                link.abort()
            self._stopping.wait(backoff.next())
        self._end_lanes()

    def _take(self, delivery: Delivery) -> None:
        subject = str(delivery.headers.get(PREFIX + "subject", ""))
        self._lanes[crc32(subject.encode(errors="replace")) % len(self._lanes)].put(delivery)

    def _drain(self, link: Link, consumer_tags: Sequence[str]) -> None:
        for tag in consumer_tags:
            link.cancel(tag)
        self._end_lanes()
        while any(thread.is_alive() for thread in self._threads):
            link.read(0.05)
        link.close()

    def _end_lanes(self) -> None:
        for lane in self._lanes:
            lane.put(None)

    # --- the lanes ----------------------------------------------------------------------------------------------

    def _work_lane(self, lane: "queue.SimpleQueue[Delivery | None]", pulse: Pulse) -> None:
        self._here.pulse = pulse
        while True:
            pulse.beat()
            try:
                delivery = lane.get(timeout=LONGEST_PAUSE)
            except queue.Empty:
                continue
            if delivery is None:
                return
            if not delivery.link.alive:
                continue  # the broker has it back and gives it to somebody else
            try:
                self._deal_with(delivery)
            except Abandoned:
                continue
            except Exception as error:
                # nothing may end a lane; the broker gives the message again when this link ends
                log.error("lane failed", **faults.for_log(error))
                delivery.link.abort()

    def _deal_with(self, delivery: Delivery) -> None:
        try:
            if delivery.deaths:
                self._reader.check_sender(delivery)
                self._isolate(delivery)  # unread: the reading may be what kills
                return
            envelope, event, handlers = self._reader.read(delivery)
        except Poison as poison:
            self._bury(delivery, reason=poison.reason, error=str(poison))
            return
        token = correlation_id.set(envelope.correlation_id)
        try:
            self._dispatch(delivery, envelope, event, handlers)
        finally:
            correlation_id.reset(token)

    def _dispatch(self, delivery: Delivery, envelope: Envelope, event: Event, handlers: Sequence[NamedHandler]) -> None:
        failures = [(handler, self._handle(delivery, handler, envelope, event)) for handler in handlers]
        failed = [(handler, error) for handler, error in failures if error is not None]
        if not failed:
            reach("consumer.after_effect")
            delivery.ack()
            log.info("event handled", type=envelope.type, event_id=str(envelope.id))
            return
        handler, error = failed[0]
        hopeless = any(isinstance(one, Poison) for _, one in failed)
        if hopeless or self._attempt(delivery) >= len(self._ladder):
            log.error("event given up on", type=envelope.type, event_id=str(envelope.id), **faults.for_log(error))
            self._bury(delivery, reason="given_up", error=str(faults.describe(error)), handler=handler.name)
        else:
            self._climb(delivery, error=str(faults.describe(error)), handler=handler.name)

    def _isolate(self, delivery: Delivery) -> None:
        """Deal with an event that was in hand when a process died."""
        if delivery.queue != suspect_queue_of(self._service):
            # always said anew: a number that the sender wrote would count as ours on the inner exchange
            self._pass_on(delivery, suspect_queue_of(self._service), {ATTEMPT: self._attempt(delivery)})
        elif self._attempt(delivery) >= len(self._ladder):
            self._bury(delivery, reason="process_died", error="a process died with it, and it was in hand alone")
        else:
            self._climb(delivery, error="process_died")

    def _climb(self, delivery: Delivery, *, error: str, handler: str = "") -> None:
        """Let the event wait for its next attempt, one rung higher."""
        attempt = self._attempt(delivery) + 1
        delay = self._ladder[attempt - 1]
        event_id = str(delivery.properties.get("message_id", ""))
        what = {"handler": handler, "type": type_of(delivery), "event_id": event_id, "attempt": attempt}
        log.warning("event will be tried again", **what, delay=delay, error=error)
        metrics.retried.labels(handler or "process_died").inc()
        headers = {ATTEMPT: attempt, HANDLER: handler, ERROR: error}
        self._pass_on(delivery, retry_queue_of(self._service, delay), headers)

    def _attempt(self, delivery: Delivery) -> int:
        """How many attempts failed; only what comes from our own queues can say."""
        attempt = delivery.headers.get(ATTEMPT)
        ours = delivery.exchange == inner_exchange_of(self._service)
        return attempt if ours and isinstance(attempt, int) and attempt > 0 else 0

    def _handle(self, delivery: Delivery, handler: NamedHandler, envelope: Envelope, event: Event) -> Exception | None:
        """Run one handler in its own transaction; outages of the database are waited out, not counted."""
        backoff = Backoff()
        collisions = 0
        while True:
            try:
                with metrics.handling.labels(handler.name).time():
                    self._handle_once(handler, envelope, event)
                return None
            except Exception as error:
                if faults.is_outage(error):
                    self._consuming_pause(delivery, backoff.next())
                    continue
                collisions += 1
                if collisions < faults.COLLISIONS and (faults.is_collision(error) or isinstance(error, IntegrityError)):
                    sleep(Backoff(0.01 * 2**collisions).next())
                    continue
                return error

    def _handle_once(self, handler: NamedHandler, envelope: Envelope, event: Event) -> None:
        with self._open_work(
            correlation_id=envelope.correlation_id, causation_id=str(envelope.id), envelope=envelope
        ) as work:
            fresh = receive(work.session, envelope.id, handler.name)
            if fresh:
                handler.run(work, event)
        (metrics.handled if fresh else metrics.duplicates).labels(handler.name).inc()

    def _bury(self, delivery: Delivery, *, reason: str, error: str, handler: str = "") -> None:
        log.error("dead letter", reason=reason, error=error, routing_key=delivery.routing_key)
        metrics.dead.labels(reason).inc()
        headers = {
            REASON: reason,
            ERROR: error,
            HANDLER: handler,
            ATTEMPT: self._attempt(delivery),
            DIED_AT: datetime.now(UTC).isoformat(),
        }
        self._pass_on(delivery, dead_queue_of(self._service), headers)

    def _pass_on(self, delivery: Delivery, queue_name: str, headers: dict[str, Any]) -> None:
        """Publish the message to another queue, confirmed, and only then acknowledge it here."""
        parcel = Parcel(
            exchange=inner_exchange_of(self._service),
            routing_key=queue_name,
            body=delivery.body,
            properties=properties_again(delivery, headers),
        )
        backoff = Backoff()
        while True:
            try:
                (outcome,) = self._publisher.publish([parcel], timeout=broker_waits().pass_on_timeout)
            except LinkDown:
                self._consuming_pause(delivery, backoff.next())
                continue
            if outcome is Outcome.SENT:
                reach("consumer.after_pass_on")
                delivery.ack()
                return
            log.error("message cannot be passed on", queue=queue_name, outcome=outcome.value)
            delivery.link.abort()  # connecting anew declares what is missing
            raise Abandoned

    def _consuming_pause(self, delivery: Delivery, seconds: float) -> None:
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            self._here.pulse.beat()  # waiting for others is no standstill of ours
            if not delivery.link.alive or self._stopping.wait(min(0.2, seconds)):
                raise Abandoned


def properties_again(delivery: Delivery, headers: dict[str, Any]) -> dict[str, Any]:
    """The properties with which to publish a delivered message once more."""
    kept = {name: value for name, value in delivery.properties.items() if name not in ("user_id", "expiration")}
    kept.setdefault("message_id", str(new_id()))
    old = {name: value for name, value in delivery.headers.items() if not str(name).startswith(_BROKERS_OWN)}
    return {**kept, "delivery_mode": 2, "application_headers": {**old, **headers}}
