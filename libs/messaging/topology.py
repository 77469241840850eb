"""All exchanges, queues and bindings, declared from this one place before anyone publishes.

For every service ``S`` that publishes events: a topic exchange ``S.events`` (the one nameko's own dispatcher uses).
For every service ``S`` that hears events:

* ``S.events`` — quorum queue, bound to each type in its SUBSCRIPTIONS. A message that has brought its process down
  ``DELIVERY_LIMIT`` times is dead-lettered by the broker, at least once.
* ``S.events.retry.<delay>`` — one queue a step of the ladder; a message waits there and returns to ``S.events``.
* ``S.events.dead`` — what was given up on, kept for a person.

An event type that nobody hears is bound to ``events.unheard``, a short queue that forgets its oldest. So every event is
routed somewhere *by intent*, and one that the broker returns is an alarm: a queue or a binding has gone missing. The
price is that the topology of all services is declared in one step at deployment, as migrations are:
``python -m libs.messaging.topology``. Each worker also declares its own part whenever it connects.

Only what RabbitMQ 3.10 to 4.x all accept is used: quorum and classic queues, message TTL, dead-lettering.
"""

import argparse
import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Iterable, Sequence
from typing import Any

import libs.contracts
from libs.chassis.logging import configure, get_logger
from libs.contracts.base import EVENTS
from libs.messaging.link import Link

log = get_logger(__name__)

LADDER = (1.0, 10.0, 60.0, 600.0)
"""Seconds between the attempts to handle an event; after the last it is dead."""

DELIVERY_LIMIT = 20
UNHEARD = "events.unheard"
RPC_EXCHANGE = "nameko-rpc"
RPC_DEAD = "rpc.dead"

_DAY_MS = 24 * 3600 * 1000
_QUORUM = {"x-queue-type": "quorum"}
# an operator may look at dead letters as often as wanted: each look counts as a delivery before RabbitMQ 4.3
_UNLIMITED_LOOKS = 1_000_000


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


def queue_of(service: str) -> str:
    """The queue of what a service hears."""
    return f"{service}.events"


def dead_queue_of(service: str) -> str:
    """The queue of what a service has given up on."""
    return f"{service}.events.dead"


def retry_queue_of(service: str, delay: float) -> str:
    """The queue in which an event waits ``delay`` seconds for its next attempt."""
    return f"{service}.events.retry.{delay:g}s"


def declare_exchanges(channel: Any, also: Iterable[str] = ()) -> None:
    """Declare the event exchange of every service that has contracts, and those of the event types in ``also``."""
    load_contracts()
    for exchange in sorted({exchange_of(event_type) for event_type in {*EVENTS, *also}}):
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)


def declare_hearing(channel: Any, service: str, heard: Iterable[str], *, ladder: Sequence[float] = LADDER) -> None:
    """Declare the queues of a service and bind exactly the types it hears."""
    heard = set(heard)
    declare_exchanges(channel, heard)
    queue, dead = queue_of(service), dead_queue_of(service)
    channel.queue_declare(
        dead, durable=True, auto_delete=False, arguments={**_QUORUM, "x-delivery-limit": _UNLIMITED_LOOKS}
    )
    channel.queue_declare(
        queue,
        durable=True,
        auto_delete=False,
        arguments={**_QUORUM, "x-delivery-limit": DELIVERY_LIMIT, **_dead_letter_to(dead)},
    )
    for delay in ladder:
        channel.queue_declare(
            retry_queue_of(service, delay),
            durable=True,
            auto_delete=False,
            arguments={**_QUORUM, "x-message-ttl": int(delay * 1000), **_dead_letter_to(queue)},
        )
    for event_type in sorted(set(EVENTS) | heard):
        bind = channel.queue_bind if event_type in heard else channel.queue_unbind
        bind(queue, exchange_of(event_type), event_type)


def declare_unheard(channel: Any, heard: Iterable[str]) -> None:
    """Give every known event type that is not in ``heard`` a place to go, and take it from the others."""
    declare_exchanges(channel)
    channel.queue_declare(
        UNHEARD, durable=True, auto_delete=False, arguments={"x-max-length": 1000, "x-message-ttl": _DAY_MS}
    )
    heard = set(heard)
    for event_type in sorted(EVENTS):
        bind = channel.queue_unbind if event_type in heard else channel.queue_bind
        bind(UNHEARD, exchange_of(event_type), event_type)


def declare_rpc(channel: Any, service: str) -> str:
    """Declare where requests to a service arrive and where poisonous ones are noted; the name of its queue."""
    channel.exchange_declare(RPC_EXCHANGE, "topic", durable=True, auto_delete=False)
    channel.queue_declare(
        RPC_DEAD, durable=True, auto_delete=False, arguments={"x-max-length": 1000, "x-message-ttl": 7 * _DAY_MS}
    )
    queue = f"rpc-{service}"
    # nobody waits a minute for an answer: what is older is not worth doing, and a crash loop ends by itself
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-message-ttl": 60_000})
    channel.queue_bind(queue, RPC_EXCHANGE, f"{service}.*")
    return queue


def _dead_letter_to(queue: str) -> dict[str, Any]:
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


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


def declare_all(url: str, heard_by: dict[str, set[str]], *, ladder: Sequence[float] = LADDER) -> None:
    """Declare the topology of the whole house: service → event types it hears."""
    link = Link(url, name="topology")
    link.open()
    try:
        for service, heard in heard_by.items():
            declare_hearing(link.channel, service, heard, ladder=ladder)
            declare_rpc(link.channel, service)
        declare_unheard(link.channel, set().union(*heard_by.values()))
    finally:
        link.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Declare the topology of the whole house on the broker of ``AMQP_URL``."""
    parser = argparse.ArgumentParser(prog="python -m libs.messaging.topology", description=main.__doc__)
    parser.parse_args(argv)
    configure("topology")
    heard_by = {service: subscriptions_of(service) for service in services_in_the_house()}
    declare_all(os.environ["AMQP_URL"], heard_by)
    log.info("topology declared", services=sorted(heard_by))


if __name__ == "__main__":
    main()
