"""A connection to the broker that one thread reads and any thread may write to.

It is py-amqp with four promises added: every wait is bounded, heartbeats go out while handlers work, a message whose
properties cannot be decoded is handed over as damaged instead of tearing the connection down, and a dead connection is
dropped at once instead of being asked politely. It works the same on threads and on eventlet's green ones.
"""

import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import unpack_from
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
from amqp import spec
from amqp.exceptions import AMQPError
from amqp.serialization import decode_properties_basic

from libs.chassis.logging import get_logger
from libs.chassis.waits import broker_waits

log = get_logger(__name__)

QUIET_SECONDS = 0.1
"""How long a reader that stops waits for what the broker is just handing over."""

_FAILURES = (OSError, AMQPError, AttributeError, TypeError)
# AttributeError and TypeError: py-amqp, whose connection was dropped by another thread, has None where a channel was


class LinkDown(ConnectionError):
    """The broker does not answer, or the connection to it was lost."""


@dataclass(kw_only=True)
class Delivery:
    """A message as it came; ``damaged`` where its properties could not be decoded."""

    link: "Link"
    tag: int
    queue: str = ""
    redelivered: bool
    exchange: str
    routing_key: str
    properties: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""
    damaged: bool = False

    @property
    def headers(self) -> dict[str, Any]:
        """The application headers."""
        return self.properties.get("application_headers") or {}

    @property
    def deaths(self) -> int:
        """How often the message was delivered before and came back: a process died with it, or lost its connection."""
        count = self.headers.get("x-delivery-count")
        return count if isinstance(count, int) else 0

    def ack(self) -> None:
        """Tell the broker that the message is dealt with; nothing happens on a lost link, where it comes again."""
        self.link.ack(self.tag)

    def reject(self) -> None:
        """Hand the message to the queue's dead-letter exchange."""
        self.link.reject(self.tag)


class Link:
    """One connection with one channel."""

    def __init__(self, url: str, *, name: str) -> None:
        self.name = name
        self.blocked = False
        self._url = url
        self._waits = broker_waits()
        self._connection: Any = None
        self._channel: Any = None
        self._next_tick = 0.0
        self._holding = threading.Lock()
        self._held: list[int] | None = None
        self._callbacks: dict[str, tuple[str, Callable[[Delivery], None]]] = {}
        self._cancelled: Callable[[], None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the link is open, as far as is known."""
        return self._channel is not None

    @property
    def channel(self) -> Any:
        """The py-amqp channel, for declarations by the reading thread; raises :class:`LinkDown` where there is none."""
        if self._channel is None:
            raise LinkDown("not connected")
        return self._channel

    def open(self) -> None:
        """Connect; raises :class:`LinkDown`."""
        parts = urlsplit(self._url)
        connection = amqp.Connection(
            host=f"{parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}",
            userid=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            login_method="PLAIN",
            virtual_host=unquote(parts.path[1:]) or "/",
            ssl={"server_hostname": parts.hostname} if parts.scheme == "amqps" else False,
            connect_timeout=self._waits.connect_timeout,
            heartbeat=self._waits.heartbeat,
            client_properties={"connection_name": self.name},
            on_blocked=lambda _reason: setattr(self, "blocked", True),
            on_unblocked=lambda: setattr(self, "blocked", False),
            frame_handler=self._frame_handler,
        )
        self.blocked = False
        watchdog = threading.Timer(2 * self._waits.connect_timeout, connection.collect)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.connect()
            connection.sock.settimeout(self._waits.io_timeout)
            self._connection = connection
            self._channel = connection.channel()
        except _FAILURES as error:
            self.abort()
            raise LinkDown(str(error)) from error
        finally:
            watchdog.cancel()

    def read(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for the broker, hand over what came, keep the heartbeat; one thread only."""
        try:
            patience = timeout
            while self._readable(patience):
                self._connection.blocking_read()
                patience = 0.0
                if time.monotonic() > self._next_tick:
                    break
            self._tick()
        except _FAILURES as error:
            self.abort()
            raise LinkDown(str(error)) from error

    def consume(self, queue: str, callback: Callable[[Delivery], None], *, prefetch: int) -> str:
        """Begin to consume; the reading thread calls ``callback``, which must not raise or take long."""
        with_channel = self.channel
        with_channel.basic_qos(0, prefetch, False)
        tag: str = with_channel.basic_consume(queue, on_cancel=self._on_cancel)
        self._callbacks[tag] = (queue, callback)
        return tag

    def cancel(self, consumer_tag: str) -> None:
        """Stop consuming; what was delivered before may still be acknowledged.

        What a quorum queue is handing over at that very moment it hands out again when the link closes, as if its
        reader had died. Each acknowledgement makes it hand over more: so they wait until nothing is on its way.
        """
        with self._holding:
            self._held = []
        try:
            quiet = time.monotonic() + QUIET_SECONDS
            while time.monotonic() < quiet:
                self.read(QUIET_SECONDS / 4)
            self.channel.basic_cancel(consumer_tag)
        except _FAILURES as error:
            self.abort()
            raise LinkDown(str(error)) from error
        finally:
            with self._holding:
                held, self._held = self._held or [], None
            for tag in held:
                self.ack(tag)

    def publish(
        self, exchange: str, routing_key: str, body: bytes, properties: dict[str, Any], *, mandatory: bool = False
    ) -> None:
        """Write a message to the socket; any thread."""
        # not channel.basic_publish: that reads from the socket first, which only the reading thread may
        message = amqp.Message(body, **properties)
        self._send(spec.Basic.Publish, "Bssbb", (0, exchange, routing_key, mandatory, False), message)

    def ack(self, tag: int) -> None:
        """Acknowledge a delivery; any thread."""
        with self._holding:
            if self._held is not None:
                self._held.append(tag)
                return
        try:
            self._send(spec.Basic.Ack, "Lb", (tag, False))
        except LinkDown:
            return  # the broker has the message back already

    def reject(self, tag: int) -> None:
        """Refuse a delivery for good; any thread."""
        try:
            self._send(spec.Basic.Reject, "Lb", (tag, False))
        except LinkDown:
            return

    def give_back(self, tag: int) -> None:
        """Let the delivery be made again, to anybody; any thread."""
        try:
            # Nack, not Reject: from RabbitMQ 4.3 on it does not count as a failed delivery
            self._send(spec.Basic.Nack, "Lbb", (tag, False, True))
        except LinkDown:
            return

    def abort(self) -> None:
        """Drop the connection without a word; any thread."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            try:
                connection.collect()
            except _FAILURES:
                return

    def close(self) -> None:
        """Say goodbye to the broker, so that everything written before has arrived; by the reading thread."""
        watchdog = threading.Timer(self._waits.connect_timeout, self.abort)
        watchdog.daemon = True
        watchdog.start()
        try:
            if self._connection is not None:
                self._connection.close()
        except _FAILURES:
            self.abort()
        finally:
            watchdog.cancel()
            self._connection = self._channel = None

    def _send(self, method: tuple[int, int], form: str, args: tuple[Any, ...], content: Any = None) -> None:
        channel = self._channel
        if channel is None:
            raise LinkDown("not connected")
        try:
            channel.send_method(method, form, args, content)
        except _FAILURES as error:
            self.abort()
            raise LinkDown(str(error)) from error

    def _readable(self, timeout: float) -> bool:
        sock = self._connection.sock
        if hasattr(sock, "pending") and sock.pending():
            return True
        return bool(select.select([sock], [], [], timeout)[0])

    def _tick(self) -> None:
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + 1.0
            self._connection.heartbeat_tick(rate=2)

    def _on_cancel(self, consumer_tag: str) -> None:
        # the queue was deleted or moved: connecting anew declares it again
        self._callbacks.pop(consumer_tag, None)
        raise LinkDown("the broker cancelled the consumer")

    def _frame_handler(self, connection: Any, dispatch: Callable[..., Any]) -> Callable[[tuple[int, int, bytes]], bool]:
        """Assemble frames to methods; deliveries are decoded here, so that a hostile one harms nobody else."""
        open_contents: dict[int, _Content] = {}

        def on_frame(frame: tuple[int, int, bytes]) -> bool:
            kind, channel, payload = frame
            connection.bytes_recv += 1
            if kind == 8:
                return False
            if kind == 1:
                method = unpack_from(">HH", payload, 0)
                if method in _WITH_CONTENT:
                    open_contents[channel] = _Content(method, payload)
                    return False
                dispatch(channel, method, payload, None)
                return True
            content = open_contents[channel]
            if not content.add(kind, payload):
                return False
            del open_contents[channel]
            if content.method == spec.Basic.Deliver:
                self._hand_over(content)
            else:
                dispatch(channel, content.method, content.args, content.message())
            return True

        return on_frame

    def _hand_over(self, content: "_Content") -> None:
        at = 4
        consumer_tag, at = _short_text(content.args, at)
        tag, flags = unpack_from(">QB", content.args, at)
        exchange, at = _short_text(content.args, at + 9)
        routing_key, at = _short_text(content.args, at)
        properties, damaged = content.properties()
        queue, callback = self._callbacks.get(consumer_tag, ("", None))
        if callback is None:
            return  # cancelled meanwhile; the message goes back when the link closes
        delivery = Delivery(
            link=self,
            tag=tag,
            queue=queue,
            redelivered=bool(flags & 1),
            exchange=exchange,
            routing_key=routing_key,
            properties=properties,
            body=bytes(content.body),
            damaged=damaged,
        )
        try:
            callback(delivery)
        except Exception as error:
            log.exception("taking a delivery failed", routing_key=routing_key)
            raise LinkDown("taking a delivery failed") from error


_WITH_CONTENT = {spec.Basic.Deliver, spec.Basic.Return, spec.Basic.GetOk}


class _Content:
    """A method that carries a message, as its frames come in."""

    def __init__(self, method: tuple[int, int], args: bytes) -> None:
        self.method = method
        self.args = args
        self.header = b""
        self.size = 0
        self.body = bytearray()

    def add(self, kind: int, payload: bytes) -> bool:
        """Take a frame; true when the message is whole."""
        if kind == 2:
            self.header = payload
            (self.size,) = unpack_from(">Q", payload, 4)
        else:
            self.body += payload
        return len(self.body) >= self.size

    def properties(self) -> tuple[dict[str, Any], bool]:
        try:
            return decode_properties_basic(self.header, 12)[0], False
        except Exception:
            return {}, True  # whatever a stranger's bytes make the decoder do

    def message(self) -> Any:
        properties, _ = self.properties()
        return amqp.Message(bytes(self.body), **properties)


def _short_text(buffer: bytes, at: int) -> tuple[str, int]:
    length = buffer[at]
    return bytes(buffer[at + 1 : at + 1 + length]).decode("utf-8", "replace"), at + 1 + length
