"""The way to the services: one broker connection for each process, owned by one thread.

Request threads hand their question over and wait on a future with a deadline; the answer comes to a queue of this
process alone, bound to ``rpc.replies`` by a UUID that nobody else knows. A second channel hears broadcast events on
another such queue. pika is not safe for threads: nothing but ``add_callback_threadsafe`` is called from outside the I/O
thread. The connection is opened in the process that uses it, never carried over a fork.
"""

import json
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pika
from pika.adapters.select_connection import SelectConnection
from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from gateway.settings import Settings
from gateway.settings import load as load_settings
from gateway.slots import Slots
from libs.chassis.logging import correlation_id, get_logger
from libs.chassis.metrics import LATENCY_BUCKETS, Counter, Gauge, Histogram
from libs.contracts.base import EVENTS, Event, load
from libs.contracts.errors import Internal, ServiceError, Unavailable, from_wire

log = get_logger(__name__)
E = TypeVar("E", bound=Event)

RPC_EXCHANGE, REPLY_EXCHANGE = "nameko-rpc", "rpc.replies"
REPLIES, HEARING = "gateway.replies.", "gateway.hearing."
"""How the names of this process's two queues begin; a UUID follows."""
FIRST_PAUSE = 0.25
MOST_WAITING = 64
"""Events kept for one subscription whose reader is slow; more are dropped, for readers look for themselves too."""

SECONDS = Histogram("gateway_rpc_seconds", "Time until an answer.", ("method", "outcome"), buckets=LATENCY_BUCKETS)
IN_FLIGHT = Gauge("gateway_rpc_in_flight", "Questions without an answer yet.", multiprocess_mode="livesum")
CONNECTS = Counter("gateway_broker_connects_total", "Connections made to the broker.")


@dataclass(eq=False)
class Waiter:
    """Events about one subject, waiting to be taken."""

    event: type[Event]
    subject: str
    heard: "queue.Queue[Event]" = field(default_factory=lambda: queue.Queue(MOST_WAITING))

    def get(self, timeout: float) -> Event | None:
        """The next event, or None after ``timeout`` seconds."""
        try:
            return self.heard.get(timeout=timeout)
        except queue.Empty:
            return None


class Bus:
    """Questions to services and events from them; safe to use from any thread."""

    def __init__(self, url: str, settings: Settings | None = None, *, in_flight: int | None = None) -> None:
        """``in_flight`` questions at once, where the settings are not to say it."""
        self._settings = bounds = settings or load_settings()
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = bounds.broker_heartbeat
        self._parameters.blocked_connection_timeout = bounds.broker_blocked
        self._parameters.socket_timeout = self._parameters.stack_timeout = bounds.broker_timeout
        self._slots = Slots(in_flight or bounds.rpc_in_flight, each=bounds.rpc_in_flight_each)
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}
        self._waiters: list[Waiter] = []
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._ready = threading.Event()
        self._blocked = False
        self._connection: SelectConnection | None = None
        self._asking: tuple[Channel, str] | None = None
        self._hearing: tuple[Channel, str] | None = None
        self._pending: dict[str, Future[Any]] = {}

    # --- used by request threads ---

    def start(self) -> None:
        """Begin to connect, in this process; harmless where that has begun."""
        with self._lock:
            if self._pid != os.getpid():
                self._reset()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Give the connection up; questions without an answer fail."""
        self._closing.set()
        self._in_thread(lambda: self._connection and self._connection.is_open and self._connection.close())
        if self._thread is not None:
            self._thread.join(timeout=5)

    def check(self) -> None:
        """Raise ``Unavailable`` where the broker is out of reach or lets nobody publish."""
        self.start()
        if not self._ready.is_set() or self._blocked:
            raise Unavailable("broker_away", "The message broker is out of reach.")

    def call(self, routing_key: str, request: Mapping[str, Any], headers: Mapping[str, str], timeout: float) -> Any:
        """Ask ``service.method`` and wait ``timeout`` seconds for the answer; raises a ``ServiceError``."""
        began, outcome = time.perf_counter(), "unavailable"
        try:
            answer = self._ask(routing_key, request, headers, timeout)
            if answer.get("error") is not None:
                refusal = _refusal(answer["error"])
                outcome = refusal.KIND
                raise refusal
            outcome = "ok"
            return answer.get("result")
        finally:
            SECONDS.labels(routing_key, outcome).observe(time.perf_counter() - began)

    def listen(self, event: type[E], heard: Callable[[E], None]) -> None:
        """Call ``heard``, in the I/O thread, for every such event from now on; it must be quick."""
        with self._lock:
            self._listeners.setdefault(event.TYPE, []).append(heard)
        self._in_thread(lambda: self._bind(event.TYPE))

    @contextmanager
    def subscribe(self, event: type[Event], subject: str) -> Iterator[Waiter]:
        """Wait for events about one subject while the block lasts."""
        waiter = Waiter(event, subject)
        with self._lock:
            self._waiters.append(waiter)
        self._in_thread(lambda: self._bind(event.TYPE))
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters.remove(waiter)

    def _in_thread(self, deed: Callable[[], Any]) -> bool:
        """Hand a deed to the I/O thread; False where there is no connection to do it on."""
        connection = self._connection
        if connection is None or self._pid != os.getpid():
            return False
        try:
            connection.ioloop.add_callback_threadsafe(deed)
        except AttributeError:  # pika's loop has no poller once it is closed, and says so in this way
            return False
        return True

    def _ask(self, routing_key: str, request: Mapping[str, Any], headers: Mapping[str, str], timeout: float) -> Any:
        self.start()
        if not self._ready.wait(min(timeout, self._settings.broker_patience)) or self._blocked:
            raise Unavailable("broker_away", "The message broker is out of reach.")
        service = routing_key.partition(".")[0]
        if not self._slots.take(service, min(timeout, self._settings.rpc_slot_wait)):
            raise Unavailable("too_busy", "Too many requests are under way.", retry_after=self._settings.retry_after)
        key, future = uuid4().hex, Future[Any]()
        body = json.dumps({"args": [], "kwargs": {"request": request}}, separators=(",", ":")).encode()
        properties = _properties(key, headers, timeout)
        self._pending[key] = future
        try:
            if not self._in_thread(lambda: self._publish(routing_key, body, properties)):
                raise Unavailable("no_answer", "The connection to the broker was lost.")
            with IN_FLIGHT.track_inprogress():
                return future.result(timeout)
        except NoAnswer:
            raise Unavailable("no_answer", "The service did not answer in time.") from None
        finally:
            self._pending.pop(key, None)
            self._slots.free(service)

    # --- the I/O thread ---

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closing.is_set():
            self._connection = SelectConnection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_gone,
                on_close_callback=self._on_gone,
            )
            try:
                self._connection.ioloop.start()
            except Exception:
                log.exception("the broker connection broke")
            was_ready = self._ready.is_set()
            self._drop()
            pause = FIRST_PAUSE if was_ready else min(pause * 2, self._settings.broker_longest_pause)
            self._closing.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  no secret, only spreads reconnects

    def _drop(self) -> None:
        """Forget the connection and fail what waits: whether it was done nobody knows, so it may be told again."""
        self._ready.clear()
        connection, self._connection, self._asking, self._hearing = self._connection, None, None, None
        for key in list(self._pending):
            self._fail(key, Unavailable("no_answer", "The connection to the broker was lost."))
        if connection is not None:
            connection.ioloop.close()

    def _on_open(self, connection: SelectConnection) -> None:
        CONNECTS.inc()
        self._blocked = False
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_asking_channel)
        connection.channel(on_open_callback=self._on_hearing_channel)

    def _on_gone(self, connection: SelectConnection, reason: BaseException) -> None:
        level = log.info if self._closing.is_set() else log.warning
        level("no broker connection", reason=type(reason).__name__)
        connection.ioloop.stop()

    def _on_blocked(self, *_: Any) -> None:
        log.warning("the broker blocks publishing")
        self._blocked = True

    def _on_unblocked(self, *_: Any) -> None:
        self._blocked = False

    def _on_channel_closed(self, channel: Channel, reason: BaseException) -> None:
        """A closed channel cannot be mended: begin anew with a fresh connection."""
        if self._connection is not None and self._connection.is_open:
            log.warning("a broker channel was closed", reason=str(reason))
            self._connection.close()

    def _on_asking_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_returned)
        reply_to = str(uuid4())
        channel.queue_declare(REPLIES + reply_to, exclusive=True, auto_delete=True)
        channel.queue_bind(REPLIES + reply_to, REPLY_EXCHANGE, reply_to)
        channel.basic_consume(
            REPLIES + reply_to, self._on_reply, auto_ack=True, callback=lambda _: self._on_asking(channel, reply_to)
        )

    def _on_asking(self, channel: Channel, reply_to: str) -> None:
        self._asking = channel, reply_to
        self._ready.set()

    def _on_hearing_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)

        name = f"{HEARING}{uuid4()}"

        def declared(_: Any) -> None:
            self._hearing = (channel, name)
            channel.basic_consume(name, self._on_event, auto_ack=True)
            with self._lock:
                types = {*self._listeners, *(waiter.event.TYPE for waiter in self._waiters)}
            for wire_name in sorted(types):
                self._bind(wire_name)

        channel.queue_declare(name, exclusive=True, auto_delete=True, callback=declared)

    def _bind(self, wire_name: str) -> None:
        if self._hearing is None:
            return
        channel, name = self._hearing
        channel.queue_bind(name, f"{wire_name.partition('.')[0]}.events", wire_name)

    def _publish(self, routing_key: str, body: bytes, properties: BasicProperties) -> None:
        if self._asking is None:
            self._fail(
                str(properties.correlation_id), Unavailable("no_answer", "The connection to the broker was lost.")
            )
            return
        channel, properties.reply_to = self._asking
        channel.basic_publish(RPC_EXCHANGE, routing_key, body, properties, mandatory=True)

    def _fail(self, key: str, error: ServiceError) -> None:
        future = self._pending.pop(key, None)
        if future is not None:
            future.set_exception(error)

    def _on_returned(self, _: Channel, method: Basic.Return, properties: BasicProperties, __: bytes) -> None:
        log.warning("nobody serves this", method=method.routing_key)
        self._fail(str(properties.correlation_id), Unavailable("service_away", "The service is not running."))

    def _on_reply(self, _: Channel, __: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        future = self._pending.pop(str(properties.correlation_id), None)
        if future is None:
            return  # nobody waits any longer
        try:
            answer = json.loads(body)
            future.set_result(answer if isinstance(answer, dict) else {"error": {}})
        except ValueError:
            future.set_exception(Internal())

    def _on_event(self, _: Channel, method: Basic.Deliver, __: BasicProperties, body: bytes) -> None:
        try:
            event = load(EVENTS[str(method.routing_key)], json.loads(body))
        except (KeyError, ValueError, ServiceError):
            log.warning("an event could not be read", type=method.routing_key)
            return
        with self._lock:
            listeners = list(self._listeners.get(event.TYPE, ()))
            subject = str(getattr(event, event.SUBJECT))
            waiters = [w for w in self._waiters if w.event.TYPE == event.TYPE and w.subject == subject]
        for listener in listeners:
            listener(event)
        for waiter in waiters:
            if not waiter.heard.full():
                waiter.heard.put_nowait(event)


def _properties(key: str, headers: Mapping[str, str], timeout: float) -> BasicProperties:
    deadline = datetime.now(UTC) + timedelta(seconds=timeout)
    return BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=key,
        expiration=str(max(1, int(timeout * 1000))),
        delivery_mode=1,
        headers={
            "nameko.correlation_id": correlation_id.get() or key,
            "nameko.deadline": deadline.isoformat().replace("+00:00", "Z"),
            **headers,
        },
    )


def _refusal(error: Any) -> ServiceError:
    """The error of a reply; one that is not of our family tells nothing."""
    value = error.get("value") if isinstance(error, dict) else None
    if not isinstance(value, dict):
        log.error("a service failed", kind=str(error.get("exc_type")) if isinstance(error, dict) else "unreadable")
        return Internal()
    return from_wire(value)
