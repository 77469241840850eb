"""What waits on the broker.

A passive declaration, which any client may make, tells how many messages are *ready*, not how many are delivered and
not yet acknowledged. Those are told by the management API, where its address is given; without it, a published event
without a receipt shows the same, for a receipt is written before the acknowledgement.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from amqp.exceptions import AMQPError, NotFound

from libs.messaging import topology
from libs.messaging.link import Link, LinkDown
from operations.installation import SERVICES, Installation
from operations.invariants.snapshots import Unreadable

HTTP_SECONDS = 5

EVENTS, RETRY, DEAD, REQUESTS = "events", "retry", "dead letters", "requests"


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One queue; ``ready`` is None where it does not exist, ``unacknowledged`` where nobody could be asked."""

    name: str
    service: str
    kind: str
    ready: int | None
    unacknowledged: int | None = None

    @property
    def depth(self) -> int:
        """All messages known to be in it."""
        return (self.ready or 0) + (self.unacknowledged or 0)

    def __str__(self) -> str:
        unacknowledged = f", {self.unacknowledged} unacknowledged" if self.unacknowledged else ""
        return f"{self.name}: {self.ready or 0} ready{unacknowledged}"


@dataclass(frozen=True, kw_only=True)
class Queues:
    """All queues of the installation at one moment."""

    all: tuple[Queue, ...]

    def of(self, *kinds: str) -> Iterator[Queue]:
        """Those of some kinds."""
        return (queue for queue in self.all if queue.kind in kinds)


def look_at_queues(installation: Installation) -> Queues:
    """Ask the broker for every queue that the topology names; raises :class:`Unreadable`."""
    named = list(names_of(SERVICES))
    depths = _ready(installation.amqp_url, [name for name, _, _ in named])
    unacknowledged = _unacknowledged(installation) if installation.management_url else {}
    return Queues(
        all=tuple(
            Queue(name=name, service=service, kind=kind, ready=depths[name], unacknowledged=unacknowledged.get(name))
            for name, service, kind in named
        )
    )


def names_of(services: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Name, service and kind of every queue of the services."""
    for service in services:
        yield topology.queue_of(service), service, EVENTS
        yield topology.suspect_queue_of(service), service, EVENTS
        for delay in topology.LADDER:
            yield topology.retry_queue_of(service, delay), service, RETRY
        yield topology.dead_queue_of(service), service, DEAD
        yield topology.rpc_queue_of(service), service, REQUESTS
        yield topology.rpc_dead_queue_of(service), service, DEAD


def _ready(url: str, names: Iterable[str]) -> dict[str, int | None]:
    link = Link(url, name="operations invariants")
    try:
        link.open()
        return {name: _ready_in(link, name) for name in names}
    except (LinkDown, AMQPError, OSError) as error:
        raise Unreadable(f"The broker cannot be asked: {error}") from error
    finally:
        link.close()


def _ready_in(link: Link, name: str) -> int | None:
    try:
        return int(link.channel.queue_declare(name, passive=True).message_count)
    except NotFound:
        return None  # py-amqp opens the channel again, which the broker closed


def _unacknowledged(installation: Installation) -> dict[str, int]:
    address, broker = urlsplit(installation.management_url or ""), urlsplit(installation.amqp_url)
    user, password = unquote(broker.username or "guest"), unquote(broker.password or "guest")
    vhost = quote(unquote(broker.path[1:]) or "/", safe="")
    url = f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}/api/queues/{vhost}"
    if address.scheme not in ("http", "https"):
        raise Unreadable(f"The management API has no http address: {address.scheme}://{address.netloc}.")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})  # noqa: S310  http, as checked
    try:
        with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as answer:  # noqa: S310  http, as checked
            queues: list[dict[str, Any]] = json.load(answer)
    except (OSError, ValueError) as error:
        raise Unreadable(f"The management API does not answer: {error}") from error
    return {queue["name"]: int(queue.get("messages_unacknowledged") or 0) for queue in queues}
