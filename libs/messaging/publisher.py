"""Publishes with confirms: many messages in flight, each known to be sent, returned, refused, or unknown."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any

from libs.chassis.logging import get_logger
from libs.messaging.backoff import Backoff
from libs.messaging.link import Link, LinkDown
from libs.messaging.pulses import Pulse

log = get_logger(__name__)


class Outcome(Enum):
    """What became of a message."""

    SENT = "sent"
    RETURNED = "returned"
    """No queue is bound for it."""
    REFUSED = "refused"
    """A queue could not take it."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A message to publish; always mandatory, and ``properties`` must hold a ``message_id``."""

    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]


class _Batch:
    def __init__(self, size: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * size
        self.missing = size
        self.settled = threading.Event()

    def settle(self, index: int, outcome: Outcome) -> None:
        self.outcomes[index] = outcome
        self.missing -= 1
        if not self.missing:
            self.settled.set()


class Publisher:
    """Owns a connection in a thread of its own; :meth:`publish` may be called from any other."""

    def __init__(self, url: str, *, name: str, on_open: Callable[[Any], None] | None = None) -> None:
        self._url = url
        self._name = name
        self._on_open = on_open
        self._link: Link | None = None
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: dict[int, tuple[_Batch, int, str]] = {}
        self._returned: set[str] = set()
        self._next_tag = 1
        self._up = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self.pulse = Pulse("publisher")
        self.pulse.of(self._thread)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Close the connection."""
        self._stopping.set()
        self._thread.join(timeout)

    @property
    def connected(self) -> bool:
        """Whether a broker takes messages now."""
        link = self._link
        return link is not None and link.alive and not link.blocked

    def wait_connected(self, timeout: float) -> bool:
        """Wait until the broker takes messages."""
        return self._up.wait(timeout)

    def publish(self, parcels: Sequence[Parcel], *, timeout: float) -> list[Outcome]:
        """Publish all and wait for the broker's word on each.

        Raises :class:`LinkDown` where it does not come in time: then nothing is known of any of them; and whatever
        the encoding of a message raises, with the same meaning.
        """
        if not parcels:
            return []
        batch = _Batch(len(parcels))
        deadline = monotonic() + timeout
        with self._sending:
            link = self._link
            if link is None or not link.alive or link.blocked:
                raise LinkDown("the broker takes no messages")
            try:
                for index, parcel in enumerate(parcels):
                    with self._lock:
                        self._pending[self._next_tag] = (batch, index, str(parcel.properties["message_id"]))
                        self._next_tag += 1
                    link.publish(parcel.exchange, parcel.routing_key, parcel.body, parcel.properties, mandatory=True)
            except Exception:
                link.abort()  # a message that cannot be written would shift the confirms of all that follow
                raise
        if not batch.settled.wait(max(0.0, deadline - monotonic())):
            link.abort()
            raise LinkDown("the broker did not confirm in time")
        if any(outcome is None for outcome in batch.outcomes):
            raise LinkDown("the connection was lost before the broker confirmed")
        return [outcome for outcome in batch.outcomes if outcome is not None]

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            link = Link(self._url, name=self._name)
            self.pulse.beat()
            try:
                self._open(link)
                backoff.reset()
                while not self._stopping.is_set():
                    link.read(0.5)
                    self.pulse.beat()
            except LinkDown as error:
                log.warning("publisher lost the broker", reason=str(error))
            except Exception:
                log.exception("publisher failed")
            finally:
                self._drop(link)
            self._stopping.wait(backoff.next())

    def _open(self, link: Link) -> None:
        link.open()
        channel = link.channel
        if self._on_open:
            self._on_open(channel)
        channel.confirm_select()
        channel.events["basic_ack"].add(lambda tag, multiple: self._settle(tag, multiple, Outcome.SENT))
        channel.events["basic_nack"].add(lambda tag, multiple: self._settle(tag, multiple, Outcome.REFUSED))
        channel.events["basic_return"].add(self._on_return)
        with self._lock:
            self._next_tag = 1
        self._link = link
        self._up.set()

    def _drop(self, link: Link) -> None:
        self._up.clear()
        # not while a batch is half written: its tags would be mixed with those of the next connection
        link.abort() if not self._stopping.is_set() else link.close()
        with self._sending, self._lock:
            self._link = None
            lost, self._pending = self._pending, {}
            self._returned.clear()
        for batch, _, _ in lost.values():
            batch.settled.set()

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self._returned.add(str(message.properties.get("message_id")))

    def _settle(self, tag: int, multiple: bool, outcome: Outcome) -> None:
        with self._lock:
            tags = [one for one in self._pending if one <= tag] if multiple else [tag]
            settled = [self._pending.pop(one) for one in tags if one in self._pending]
        for batch, index, message_id in settled:
            # the broker returns a message before it confirms it
            returned = message_id in self._returned
            self._returned.discard(message_id)
            batch.settle(index, Outcome.RETURNED if returned else outcome)
