"""All exchanges, queues and bindings, declared from this one place before anyone publishes.

For every service ``S``:

* ``S.events`` — topic exchange of what it publishes (the one nameko's own dispatcher uses).
* ``S.inner`` — direct exchange to which all its own queues are bound by their names. Retries, dead letters and replays
  go through it and never through the default exchange: who may write there may write to every queue of the house.
* ``S.events.heard`` — quorum queue, bound to each type in its SUBSCRIPTIONS.
* ``S.events.suspect`` — what was in hand when a process died; each process takes these one at a time, so that the one
  that kills is told from those beside it.
* ``S.events.retry.<delay>`` — one queue a step of the ladder; a message waits there and returns to ``S.events.heard``.
* ``S.events.dead`` — what was given up on, and ``S.rpc.dead`` — notes of requests that were.
* ``rpc-S`` — quorum queue of requests, bound to ``nameko-rpc`` by ``S.*``.

No queue has the name of an exchange: RabbitMQ's permissions do not tell them apart, and who may bind to the one could
read the other.

Answers go to ``rpc.replies``, an exchange of their own, to which callers bind a queue by a UUID: whatever keys a
service adds to an answer, no queue of requests can be reached from there. A stock nameko client, which waits at
``nameko-rpc``, needs a binding between the two for its UUID.

An event type that nobody hears is bound to ``events.unheard``, a short queue that forgets its oldest. So every event is
routed somewhere *by intent*, and one that the broker returns is an alarm: a queue or a binding has gone missing. The
price is that the topology of all services is declared in one step at deployment, as migrations are:
``python -m libs.messaging.topology``. Each process declares its own part again whenever it connects: its own exchanges
and queues; what belongs to others is only bound to.

Only what RabbitMQ 3.10 to 4.x all accept is used: quorum and classic queues, message TTL, dead-lettering.
"""

import argparse
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import AccessRefused, NotFound, PreconditionFailed

import libs.contracts
from libs.chassis.logging import configure, get_logger
from libs.contracts.base import EVENTS
from libs.messaging.link import Link, LinkDown

log = get_logger(__name__)

LADDER = (1.0, 10.0, 60.0, 600.0)
"""Seconds between the attempts to handle an event; after the last it is dead."""

DELIVERY_LIMIT = 20
"""How often the broker itself delivers a message; our own rules end a loop long before."""

UNHEARD = "events.unheard"
RPC_EXCHANGE = "nameko-rpc"
REPLIES = "rpc.replies"
REPLY_KEY = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The form of a ``reply_to``: a UUID, as nameko's own clients send it."""
COMMAND = "python -m libs.messaging.topology"

_DAY_MS = 24 * 3600 * 1000
_REQUEST_MS = 60_000  # nobody waits a minute for an answer: what is older is not worth doing
_QUORUM = {"x-queue-type": "quorum"}
# an operator may look at dead letters as often as wanted: each look counts as a delivery before RabbitMQ 4.3
_UNLIMITED_LOOKS = 1_000_000


class TopologyUnfit(LinkDown):
    """What is declared on the broker is not what this release needs; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A durable queue and its arguments."""

    name: str
    arguments: dict[str, Any]

    def declare(self, channel: Any) -> None:
        """Declare it, or find it as it should be."""
        channel.queue_declare(self.name, durable=True, auto_delete=False, arguments=self.arguments)


_UNHEARD_QUEUE = Queue(name=UNHEARD, arguments={**_QUORUM, "x-max-length": 1000, "x-message-ttl": _DAY_MS})


def load_contracts() -> None:
    """Import every module of ``libs.contracts``, so that all event types are known."""
    for module in pkgutil.iter_modules(libs.contracts.__path__):
        importlib.import_module(f"libs.contracts.{module.name}")


def source_of(event_type: str) -> str:
    """The service that owns an event type."""
    return event_type.partition(".")[0]


def exchange_of(event_type: str) -> str:
    """The exchange on which an event type is published."""
    return f"{source_of(event_type)}.events"


def inner_exchange_of(service: str) -> str:
    """The exchange through which a service writes to its own queues, by their names."""
    return f"{service}.inner"


def queue_of(service: str) -> str:
    """The queue of what a service hears."""
    return f"{service}.events.heard"


def suspect_queue_of(service: str) -> str:
    """The queue of events that were in hand when a process died."""
    return f"{service}.events.suspect"


def dead_queue_of(service: str) -> str:
    """The queue of what a service has given up on."""
    return f"{service}.events.dead"


def retry_queue_of(service: str, delay: float) -> str:
    """The queue in which an event waits ``delay`` seconds for its next attempt."""
    return f"{service}.events.retry.{delay:g}s"


def rpc_queue_of(service: str) -> str:
    """The queue of requests to a service."""
    return f"rpc-{service}"


def rpc_dead_queue_of(service: str) -> str:
    """The queue of notes of requests that a service has given up on."""
    return f"{service}.rpc.dead"


def own_exchanges(service: str) -> dict[str, str]:
    """The exchanges that belong to a service, and their kinds."""
    return {f"{service}.events": "topic", inner_exchange_of(service): "direct"}


def own_queues(service: str, ladder: Sequence[float] = LADDER) -> list[Queue]:
    """The queues that belong to a service."""
    return [*_event_queues(service, ladder), *_rpc_queues(service)]


def _event_queues(service: str, ladder: Sequence[float]) -> list[Queue]:
    to_dead = _dead_letter_to(service, dead_queue_of(service))
    taken = {**_QUORUM, "x-delivery-limit": DELIVERY_LIMIT, **to_dead}
    waiting = {**_QUORUM, **_dead_letter_to(service, queue_of(service))}
    return [
        Queue(name=dead_queue_of(service), arguments={**_QUORUM, "x-delivery-limit": _UNLIMITED_LOOKS}),
        Queue(name=queue_of(service), arguments=taken),
        Queue(name=suspect_queue_of(service), arguments=taken),
        *(
            Queue(name=retry_queue_of(service, delay), arguments={**waiting, "x-message-ttl": int(delay * 1000)})
            for delay in ladder
        ),
    ]


def _rpc_queues(service: str) -> list[Queue]:
    # no dead-letter exchange for requests: they may hold secrets, and those that grew too old are nobody's business
    requests = {**_QUORUM, "x-delivery-limit": DELIVERY_LIMIT, "x-message-ttl": _REQUEST_MS}
    notes = {**_QUORUM, "x-delivery-limit": _UNLIMITED_LOOKS, "x-max-length": 10_000}
    return [
        Queue(name=rpc_dead_queue_of(service), arguments=notes),
        Queue(name=rpc_queue_of(service), arguments=requests),
    ]


def _dead_letter_to(service: str, queue: str) -> dict[str, Any]:
    return {
        "x-dead-letter-exchange": inner_exchange_of(service),
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def declare_exchanges(channel: Any, also: Iterable[str] = ()) -> None:
    """Declare what belongs to the whole house: the event exchange of every service that has contracts, and those for
    requests and replies; with the exchanges of the event types in ``also``."""
    load_contracts()
    for exchange in sorted({exchange_of(event_type) for event_type in {*EVENTS, *also}}):
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
    for exchange in (RPC_EXCHANGE, REPLIES):
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)


def declare_hearing(channel: Any, service: str, heard: Iterable[str], *, ladder: Sequence[float] = LADDER) -> None:
    """Declare a service's exchanges and the queues of what it hears, bound to the types in ``heard``."""
    with _clear_words():
        _declare_own(channel, service, _event_queues(service, ladder))
        for event_type in sorted(set(heard)):
            channel.queue_bind(queue_of(service), exchange_of(event_type), event_type)


def declare_rpc(channel: Any, service: str) -> str:
    """Declare where requests to a service arrive and where poisonous ones are noted; the name of its queue."""
    with _clear_words():
        _declare_own(channel, service, _rpc_queues(service))
        channel.queue_bind(rpc_queue_of(service), RPC_EXCHANGE, f"{service}.*")
    return rpc_queue_of(service)


def _declare_own(channel: Any, service: str, queues: Sequence[Queue]) -> None:
    for exchange, kind in own_exchanges(service).items():
        channel.exchange_declare(exchange, kind, durable=True, auto_delete=False)
    for queue in queues:
        queue.declare(channel)
        channel.queue_bind(queue.name, inner_exchange_of(service), queue.name)


@contextmanager
def _clear_words() -> Iterator[None]:
    """Say what is to be done, instead of only what the broker did not like."""
    try:
        yield
    except (AccessRefused, NotFound, PreconditionFailed) as error:
        raise TopologyUnfit(f"the broker does not fit this release, run `{COMMAND}`: {error}") from error


def declare_unheard(channel: Any, heard: Iterable[str]) -> None:
    """Give every known event type that is not in ``heard`` a place to go, and take it from the others."""
    declare_exchanges(channel)
    _UNHEARD_QUEUE.declare(channel)
    heard = set(heard)
    for event_type in sorted(EVENTS):
        bind = channel.queue_unbind if event_type in heard else channel.queue_bind
        bind(UNHEARD, exchange_of(event_type), event_type)


def services_in_the_house() -> list[str]:
    """The services that have a worker."""
    services = importlib.import_module("services")
    return sorted(
        package.name
        for package in pkgutil.iter_modules(services.__path__)
        if importlib.util.find_spec(f"services.{package.name}.worker")
    )


def subscriptions_of(service: str) -> set[str]:
    """The event types a service hears."""
    worker = importlib.import_module(f"services.{service}.worker")
    return {event.TYPE for event in getattr(worker, "SUBSCRIPTIONS", {})}


def whole_house() -> dict[str, set[str]]:
    """Every service with the event types it hears."""
    return {service: subscriptions_of(service) for service in services_in_the_house()}


def declare_all(url: str, heard_by: dict[str, set[str]], *, ladder: Sequence[float] = LADDER) -> None:
    """Declare the topology of the whole house: service → event types it hears.

    Raises :class:`TopologyUnfit`, before anything is changed, where a queue of an earlier release is in the way and
    still holds something.
    """
    link = Link(url, name="topology")
    link.open()
    try:
        channel = link.channel
        declare_exchanges(channel, set().union(*heard_by.values()))
        # bound to the exchanges and read by nobody any more
        retired = [f"{service}.events" for service in heard_by]
        changed = [
            queue.name
            for service in heard_by
            for queue in own_queues(service, ladder)
            if _has_other_arguments(channel, queue)
        ]
        for name in (*retired, *changed):
            _refuse_if_in_use(channel, name)
        for name in changed:
            _remove(channel, name)
        for service, heard in heard_by.items():
            declare_hearing(channel, service, heard, ladder=ladder)
            declare_rpc(channel, service)
            for event_type in sorted(set(EVENTS) - heard):
                channel.queue_unbind(queue_of(service), exchange_of(event_type), event_type)
        if _has_other_arguments(channel, _UNHEARD_QUEUE):
            _remove(channel, UNHEARD)
        declare_unheard(channel, set().union(*heard_by.values()))
        # only now: whatever is told meanwhile is in the new queues as well. Notes in rpc.dead were for a person to read
        for name in (*retired, "rpc.dead"):
            _remove(channel, name)
    finally:
        link.close()


def _has_other_arguments(channel: Any, queue: Queue) -> bool:
    """Whether the queue exists and is another one than it should be; it is made where it does not exist."""
    try:
        queue.declare(channel)
    except PreconditionFailed:  # the channel is opened anew by itself
        return True
    return False


def _remove(channel: Any, name: str) -> None:
    """Remove a queue of an earlier release, if it is there; what a queue is cannot be changed."""
    try:
        channel.queue_declare(name, passive=True)
    except NotFound:
        return
    channel.queue_delete(name)
    log.info("queue of an earlier release removed", queue=name)


def _refuse_if_in_use(channel: Any, name: str) -> None:
    """Raise where a queue of an earlier release still holds something or is read; nothing where there is none."""
    try:
        _, messages, consumers = channel.queue_declare(name, passive=True)
    except NotFound:
        return
    if consumers:
        raise TopologyUnfit(
            f"The queue {name} is of an earlier release and still read by {consumers} of its processes: "
            f"stop them, then run `{COMMAND}` again."
        )
    if messages:
        raise TopologyUnfit(
            f"The queue {name} is of an earlier release and still holds {messages} messages: start that release's "
            f"processes until it is empty, or delete it if they are not wanted, then run `{COMMAND}` again."
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Declare the topology of the whole house on the broker of ``AMQP_URL``."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=main.__doc__)
    parser.parse_args(argv)
    configure("topology")
    heard_by = whole_house()
    try:
        declare_all(os.environ["AMQP_URL"], heard_by)
    except TopologyUnfit as error:
        sys.exit(str(error))
    log.info("topology declared", services=sorted(heard_by))


if __name__ == "__main__":
    main()
