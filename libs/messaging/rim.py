"""The nameko rim: serves a :class:`~libs.messaging.rpc.ServiceRpc` as a nameko service that no message can bring down.

nameko gives the container, the workers and the wire protocol, so that any nameko client can call. Its own consumer and
responder are replaced, because with them a request without properties ends the process and stays in the queue, a reply
that cannot be sent ends it too, undecodable requests vanish, and a graceful stop gives finished work back to the
broker.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.semaphore import Semaphore
from nameko.constants import MAX_WORKERS_CONFIG_KEY
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from nameko.runners import ServiceRunner

from libs.chassis.logging import get_logger
from libs.chassis.waits import broker_waits, process_waits
from libs.messaging import metrics
from libs.messaging.answering import HEADER_PREFIX, Answering, Malformed, Request, read_request
from libs.messaging.backoff import Backoff
from libs.messaging.fail_points import reach
from libs.messaging.link import Delivery, Link, LinkDown
from libs.messaging.notes import Notes
from libs.messaging.pulses import Pulse
from libs.messaging.rpc import ServiceRpc
from libs.messaging.topology import REPLIES, REPLY_KEY, declare_rpc

log = get_logger(__name__)

RIM_CONFIG_KEY = "LICENTIA_RIM"
CONTENT_TYPE = "application/json"
MOST_DEATHS = 2
"""How often a request may be in hand when a process dies; then it is not tried again."""


class Rim:
    """What the container needs to know; one object per process, handed to it through nameko's configuration."""

    def __init__(self, *, amqp_url: str, answering: Answering) -> None:
        self.amqp_url = amqp_url
        self.answering = answering
        self.listener: Listener | None = None
        self.pulse = Pulse("listener")

    def readiness(self) -> dict[str, Callable[[], None]]:
        """The checks of ``/readyz`` that ask nobody else."""
        return {"broker": self._check_broker, "requests": self._check_requests}

    def _check_broker(self) -> None:
        if self.listener is None or not self.listener.connected:
            raise ConnectionError

    def _check_requests(self) -> None:
        if self.listener is None or not self.listener.consuming:
            raise NotConsuming


class NotConsuming(Exception):
    """The broker is there, and does not deliver requests to us."""


class Listener(SharedExtension, ProviderCollector):
    """Takes requests from the broker, one connection for the whole container."""

    def __init__(self) -> None:
        super().__init__()
        self.consuming = False
        self._reached = False
        self._link: Link | None = None
        self._consumer_tag = ""
        self._taking = True
        self._closing = False
        self._ended = Event()
        self._replies: Replies | None = None
        self._notes: Notes | None = None
        self._thread: Any = None

    @property
    def rim(self) -> Rim:
        return self.container.config[RIM_CONFIG_KEY]

    @property
    def connected(self) -> bool:
        """Whether the broker is there and lets us answer; one that only refuses to let us consume is there."""
        return self._reached and self._link is not None and not self._link.blocked

    def setup(self) -> None:
        if self._replies is None:
            self._replies = Replies(self.rim.amqp_url, self.container.service_name)
            self.rim.listener = self

    def start(self) -> None:
        if self._thread is None:
            self._thread = self.container.spawn_managed_thread(self._run, identifier="rpc listener")

    def stop_taking(self) -> None:
        """Take no further requests, and return when none can come; those begun are still answered."""
        self._taking = False
        if self.consuming:
            self._ended.wait(process_waits().stop_seconds)

    def stop(self) -> None:
        """End the connection; nameko calls this when all workers have finished."""
        self._closing = True
        if self._thread is not None:
            with eventlet.Timeout(process_waits().stop_seconds, False):
                self._thread.wait()
        if self._replies is not None:
            self._replies.close()

    def kill(self) -> None:
        self._closing = True
        if self._link is not None:
            self._link.abort()

    def reply(self, delivery: Delivery, answer: dict[str, Any]) -> None:
        """Send the answer and acknowledge the request; a reply that cannot be sent is told to the log alone."""
        try:
            if self._replies is not None:
                self._replies.send(delivery, answer)
        except Exception:
            # nameko ends the process when a worker raises
            log.exception("answer could not be sent", method=delivery.routing_key)
            metrics.rpc_unanswered.inc()
        if HEADER_PREFIX + "command_id" in delivery.headers:
            reach("rpc.after_reply")
        delivery.ack()

    def _run(self) -> None:
        backoff = Backoff()
        while not self._closing:
            link = Link(self.rim.amqp_url, name=f"{self.container.service_name}-rpc")
            self.rim.pulse.beat()
            try:
                self._serve(link, backoff)
            except LinkDown as error:
                log.warning("rpc lost the broker", reason=str(error))
            except Exception:
                log.exception("rpc listener failed")
            finally:
                self._end_consuming()
                link.abort()
            if not self._closing:
                eventlet.sleep(backoff.next())

    def _serve(self, link: Link, backoff: Backoff) -> None:
        try:
            link.open()
        except LinkDown:
            self._reached = False
            raise
        self._link, self._reached = link, True
        queue = declare_rpc(link.channel, self.container.service_name)
        self._notes = Notes(link, self.container.service_name)
        if self._taking:
            self._consumer_tag = link.consume(queue, self._take, prefetch=self.container.max_workers)
            self.consuming = True
            log.info("requests are taken", queue=queue)
        backoff.reset()
        while not self._closing:
            link.read(0.2)
            self.rim.pulse.beat()
            if self.consuming and not self._taking:
                link.cancel(self._consumer_tag)
                self._end_consuming()
        link.close()

    def _end_consuming(self) -> None:
        self.consuming = False
        if not self._taking and not self._ended.ready():
            self._ended.send()

    def _take(self, delivery: Delivery) -> None:
        if is_late(delivery):
            metrics.rpc_late.inc()
            delivery.ack()  # nobody waits any longer, and whoever still waits has work for others to do
            return
        try:
            request = check(delivery)
            entrypoint = next((one for one in self._providers if one.method_name == request.method), None)
            if entrypoint is None:
                self.reply(delivery, self.rim.answering.answer(request))  # says that there is no such method
            else:
                entrypoint.spawn(request, delivery)
        except Malformed as error:
            log.error("poisonous request", reason=error.reason, routing_key=delivery.routing_key)
            metrics.rpc_poison.labels(error.reason).inc()
            if self._notes is not None:
                self._notes.write(delivery, error.reason)


class Endpoint(Entrypoint):
    """One method of a service."""

    listener = Listener()

    def setup(self) -> None:
        self.listener.register_provider(self)

    def stop(self) -> None:
        self.listener.stop_taking()
        self.listener.unregister_provider(self)

    def spawn(self, request: Request, delivery: Delivery) -> None:
        """Answer in a worker of the container."""

        def done(_worker: Any, answer: Any, exc_info: Any) -> tuple[Any, Any]:
            self.listener.reply(delivery, answer)
            return answer, exc_info

        self.container.spawn_worker(self, (request,), {}, handle_result=done)


def is_late(delivery: Delivery) -> bool:
    """Whether the caller has given up meanwhile; told by a header, so that nothing of the request need be read."""
    try:
        deadline = datetime.fromisoformat(delivery.headers[f"{HEADER_PREFIX}deadline"])
        return deadline <= datetime.now(UTC)
    except (KeyError, TypeError, ValueError):
        return False


def check(delivery: Delivery) -> Request:
    """The request of a message; raises :class:`Malformed` for anything that could not be answered."""
    if delivery.damaged:
        raise Malformed("damaged_properties")
    if delivery.properties.get("content_type") != CONTENT_TYPE:
        raise Malformed("wrong_content_type")
    reply_to = delivery.properties.get("reply_to")
    if not reply_to:
        raise Malformed("no_reply_to")
    if not REPLY_KEY.fullmatch(reply_to):
        raise Malformed("wrong_reply_to")
    if delivery.deaths >= MOST_DEATHS:
        raise Malformed("process_died")
    return read_request(delivery.routing_key, delivery.headers, delivery.body)


class Replies:
    """Sends answers over a connection of its own, transient and unconfirmed: who waits for one has a deadline."""

    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._service = service
        self._link: Link | None = None
        self._lock = Semaphore()
        self._reader: Any = None

    def send(self, delivery: Delivery, answer: dict[str, Any]) -> None:
        """Send an answer, or say in the log that it could not be sent."""
        properties = {"content_type": CONTENT_TYPE, "content_encoding": "utf-8", "delivery_mode": 1}
        if correlation_id := delivery.properties.get("correlation_id"):
            properties["correlation_id"] = correlation_id
        body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        for last in (False, True):
            try:
                with eventlet.Timeout(broker_waits().reply_timeout, LinkDown("replying took too long")):
                    self._connected().publish(REPLIES, delivery.properties["reply_to"], body, properties)
                return
            except LinkDown as error:
                self._drop()
                if last:
                    metrics.rpc_unanswered.inc()
                    log.warning("answer could not be sent", method=delivery.routing_key, reason=str(error))

    def close(self) -> None:
        """End the connection, so that all answers have arrived."""
        if self._reader is not None:
            self._reader.kill()
        if self._link is not None:
            self._link.close()

    def _connected(self) -> Link:
        with self._lock:
            if self._link is None or not self._link.alive:
                link = Link(self._url, name=f"{self._service}-rpc replies")
                link.open()
                self._link = link
                self._reader = eventlet.spawn(self._read, link)
            return self._link

    def _drop(self) -> None:
        if self._link is not None:
            self._link.abort()

    @staticmethod
    def _read(link: Link) -> None:
        """Keep the heartbeat, and learn soon that the broker is gone."""
        try:
            while link.alive:
                link.read(5.0)
        except LinkDown:
            return


def runner(service: type[ServiceRpc], rim: Rim, *, max_workers: int | None = None) -> ServiceRunner:
    """A nameko runner for one service; ``start()``, ``stop()``, ``wait()``."""
    config = {
        "AMQP_URI": rim.amqp_url,
        MAX_WORKERS_CONFIG_KEY: max_workers or process_waits().rpc_workers,
        RIM_CONFIG_KEY: rim,
    }
    service_runner = ServiceRunner(config)
    service_runner.add_service(_bound(service, rim))
    return service_runner


def _bound(service: type[ServiceRpc], rim: Rim) -> type:
    members: dict[str, Any] = {"name": service.name}
    for method in service.methods():
        members[method.name] = Endpoint.decorator(_answerer(rim))  # a function of its own: nameko marks each
    return type(service.__name__, (), members)


def _answerer(rim: Rim) -> Any:
    def answer(_service: Any, request: Request) -> dict[str, Any]:
        return rim.answering.answer(request)

    return answer


__all__ = ["HEADER_PREFIX", "Rim", "runner"]
