"""Dead letters as the keeper writes them down."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.chassis.ids import new_id
from libs.messaging.consumer import ATTEMPT, DIED_AT, ERROR, HANDLER, REASON
from libs.messaging.envelope import Envelope, body_of, properties_of
from libs.messaging.keeper import keep
from libs.messaging.letters import Letter, of_event, of_request
from libs.messaging.link import Delivery, Link
from libs.messaging.work import WorkFactory

DIED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOWHERE = Link("amqp://nobody@127.0.0.1:9/", name="test")


def a_delivery(body: bytes = b"{}", **properties: Any) -> Delivery:
    """A message that was taken from a queue of dead letters."""
    return Delivery(
        link=NOWHERE, tag=1, redelivered=False, exchange="", routing_key="", properties=properties, body=body
    )


def buried(envelope: Envelope, *, died_at: datetime = DIED, reason: str = "given_up", **headers: Any) -> Delivery:
    """An event as the consumer puts it among the dead."""
    properties = properties_of(envelope)
    told = {
        REASON: reason,
        ERROR: "RuntimeError at handlers/pools.py:30 grant",
        HANDLER: "pools.grant",
        ATTEMPT: 4,
        DIED_AT: died_at.isoformat(),
        **headers,
    }
    stamp = {**properties.pop("application_headers"), **told}
    return a_delivery(body_of(envelope), application_headers=stamp, **properties)


def an_envelope(event_type: str = "orders.order_paid.v1", **attributes: Any) -> Envelope:
    """An event on its way."""
    subject = str(new_id())
    return Envelope(
        **{
            "id": new_id(),
            "type": event_type,
            "source": event_type.partition(".")[0],
            "subject": subject,
            "time": DIED,
            "correlation_id": "trace-7",
            "causation_id": None,
            "sequence": 3,
            "data": {"order_id": subject},
            **attributes,
        }
    )


def a_letter(
    *, queue: str = "orders.events", event_type: str = "orders.order_paid.v1", died_at: datetime = DIED, **told: Any
) -> Letter:
    """An event that was given up on."""
    return of_event(queue, buried(an_envelope(event_type), died_at=died_at, **told), died_at)


def a_poisonous_request(method: str = "orders.place_order", reason: str = "not_json", **changes: Any) -> Letter:
    """A request that could not be read."""
    note = {
        "reason": reason,
        "routing_key": method,
        "size": 17,
        "sha256": str(new_id()).replace("-", "") * 2,
        "properties": {"content_type": "application/json"},
        "headers": ["nameko.principal"],
        **changes,
    }
    delivery = a_delivery(json.dumps(note).encode(), message_id=str(new_id()), content_type="application/json")
    return of_request(f"rpc-{method.partition('.')[0]}", delivery, DIED)


def keep_letters(open_work: WorkFactory, *letters: Letter) -> list[UUID]:
    """Write letters down; their ids."""
    with open_work() as work:
        for letter in letters:
            keep(work, letter)
    return [letter.values["id"] for letter in letters]
