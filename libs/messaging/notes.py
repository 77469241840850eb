"""Notes of requests that were given up on: what came, and not what may be secret in it."""

import hashlib
import json
from typing import Any

from libs.chassis.ids import new_id
from libs.messaging.link import Delivery, Link
from libs.messaging.topology import inner_exchange_of, rpc_dead_queue_of


class Notes:
    """Writes notes over the link that the requests came by; a request is acknowledged when its note is confirmed."""

    def __init__(self, link: Link, service: str) -> None:
        self._link = link
        self._service = service
        self._waiting: dict[int, Delivery] = {}
        self._next_tag = 1
        channel = link.channel
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_confirmed)
        channel.events["basic_nack"].add(self._on_refused)
        channel.events["basic_return"].add(self._on_refused)

    def write(self, delivery: Delivery, reason: str) -> None:
        """Note a request in the service's queue of dead requests; by the reading thread only."""
        note = {
            "reason": reason,
            "routing_key": delivery.routing_key,
            "size": len(delivery.body),
            "sha256": hashlib.sha256(delivery.body).hexdigest(),
            "deliveries": delivery.deaths + 1,
            "properties": {
                name: str(value) for name, value in delivery.properties.items() if name != "application_headers"
            },
            "headers": sorted(str(name) for name in delivery.headers),
        }
        properties = {"content_type": "application/json", "delivery_mode": 2, "message_id": str(new_id())}
        self._waiting[self._next_tag] = delivery
        self._next_tag += 1
        exchange, key = inner_exchange_of(self._service), rpc_dead_queue_of(self._service)
        self._link.publish(exchange, key, json.dumps(note).encode(), properties, mandatory=True)

    def _on_confirmed(self, tag: int, multiple: bool) -> None:
        for one in [one for one in self._waiting if one == tag or (multiple and one < tag)]:
            self._waiting.pop(one).ack()

    def _on_refused(self, *_: Any) -> None:
        self._link.abort()  # connecting anew declares what is missing; the requests come again
