"""Who hears what, as `make docs` wrote it down from the services' workers: operations imports no service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("subscriptions.json")


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One reader of one event type; ``handler`` is its name in the inbox."""

    service: str
    event: str
    handler: str

    @property
    def source(self) -> str:
        """The service that publishes the event."""
        return self.event.partition(".")[0]


@cache
def subscriptions() -> tuple[Subscription, ...]:
    """All subscriptions."""
    told: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Subscription(service=service, event=event, handler=handler)
        for service, events in told.items()
        for event, handlers in events.items()
        for handler in handlers
    )


def pairs() -> list[tuple[str, str]]:
    """Every pair of a publishing and a hearing service."""
    return sorted({(one.source, one.service) for one in subscriptions()})


def between(source: str, service: str) -> list[Subscription]:
    """What one service hears of another."""
    return [one for one in subscriptions() if (one.source, one.service) == (source, service)]
