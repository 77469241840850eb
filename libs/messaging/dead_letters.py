"""Dead letters: what a service has given up on; to be looked at, and sent again when the cause is mended."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from libs.messaging.consumer import ATTEMPT, DIED_AT, ERROR, HANDLER, REASON, properties_again
from libs.messaging.envelope import PREFIX
from libs.messaging.link import Delivery, Link, LinkDown
from libs.messaging.publisher import Outcome, Parcel, Publisher
from libs.messaging.topology import dead_queue_of, queue_of

LIMIT = 1000
CONFIRM_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that was given up on; ``reason`` is a stable word, ``error`` names no person."""

    id: str
    type: str
    subject: str
    reason: str
    error: str
    handler: str
    attempts: int
    died_at: str
    body: bytes
    headers: dict[str, Any]


def list_letters(url: str, service: str, *, limit: int = LIMIT) -> list[DeadLetter]:
    """The oldest dead letters of a service; looking takes nothing away."""
    with _all(url, service, limit) as (deliveries, _):
        return [_letter(delivery) for delivery in deliveries]


def show(url: str, service: str, letter_id: str) -> DeadLetter | None:
    """One dead letter by its id."""
    return next((letter for letter in list_letters(url, service) if letter.id == letter_id), None)


def replay(url: str, service: str, ids: Collection[str] | None = None, *, limit: int = LIMIT) -> int:
    """Give dead letters back to the service (all, or those named), with their attempts counted anew; how many."""
    publisher = Publisher(url, name="dead letters, replay")
    publisher.start()
    try:
        if not publisher.wait_connected(CONFIRM_SECONDS):
            raise LinkDown("the broker does not answer")
        with _all(url, service, limit) as (deliveries, dealt_with):
            chosen = _chosen(deliveries, ids)
            outcomes = publisher.publish([_again(service, one) for one in chosen], timeout=CONFIRM_SECONDS)
            pairs = zip(chosen, outcomes, strict=True)
            dealt_with.update(one.tag for one, outcome in pairs if outcome is Outcome.SENT)
            return len(dealt_with)
    finally:
        publisher.stop()


def discard(url: str, service: str, ids: Collection[str]) -> int:
    """Throw the named dead letters away; how many."""
    with _all(url, service, LIMIT) as (deliveries, dealt_with):
        dealt_with.update(one.tag for one in _chosen(deliveries, ids))
        return len(dealt_with)


def _again(service: str, delivery: Delivery) -> Parcel:
    properties = properties_again(delivery, {})
    for name in (ATTEMPT, ERROR, HANDLER, REASON, DIED_AT):
        properties["application_headers"].pop(name, None)
    return Parcel(exchange="", routing_key=queue_of(service), body=delivery.body, properties=properties)


def _chosen(deliveries: list[Delivery], ids: Collection[str] | None) -> list[Delivery]:
    return [one for one in deliveries if ids is None or _letter(one).id in ids]


@contextmanager
def _all(url: str, service: str, limit: int) -> Iterator[tuple[list[Delivery], set[int]]]:
    """The dead letters, and a set for the tags of those that shall be gone afterwards."""
    link = Link(url, name="dead letters")
    link.open()
    try:
        deliveries = _browse(link, dead_queue_of(service), limit)
        dealt_with: set[int] = set()
        yield deliveries, dealt_with
        for delivery in deliveries:
            if delivery.tag in dealt_with:
                delivery.ack()
            else:
                link.give_back(delivery.tag)
    finally:
        link.close()


def _browse(link: Link, queue: str, limit: int) -> list[Delivery]:
    found: list[Delivery] = []
    while len(found) < limit and (message := link.channel.basic_get(queue)) is not None:
        found.append(
            Delivery(
                link=link,
                tag=message.delivery_info["delivery_tag"],
                redelivered=bool(message.delivery_info["redelivered"]),
                exchange=message.delivery_info["exchange"],
                routing_key=message.delivery_info["routing_key"],
                properties=dict(message.properties),
                body=_bytes(message.body),
            )
        )
    return found


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _letter(delivery: Delivery) -> DeadLetter:
    headers = delivery.headers
    attempts = headers.get(ATTEMPT)
    return DeadLetter(
        id=str(delivery.properties.get("message_id", "")),
        type=str(headers.get(PREFIX + "type", delivery.routing_key)),
        subject=str(headers.get(PREFIX + "subject", "")),
        reason=str(headers.get(REASON, "delivery_limit")),
        error=str(headers.get(ERROR, "")),
        handler=str(headers.get(HANDLER, "")),
        attempts=attempts if isinstance(attempts, int) else 0,
        died_at=str(headers.get(DIED_AT, "")),
        body=delivery.body,
        headers=headers,
    )
