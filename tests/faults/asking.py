"""A caller on the wire, as the gateway is one: questions to a service, and a look into its queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import pika
from pika.exceptions import ChannelClosedByBroker

from libs.messaging.envelope import Envelope, body_of, properties_of
from libs.messaging.topology import REPLIES, RPC_EXCHANGE


class Caller:
    """Asks services and keeps their answers; not safe for threads."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self._connection.channel()
        self.channel.confirm_delivery()
        self._answers: dict[str, dict[str, Any]] = {}
        self.answered: list[str] = []
        self._address = str(uuid4())
        self.channel.queue_declare(self._address, exclusive=True)
        self.channel.queue_bind(self._address, REPLIES, self._address)
        self.channel.basic_consume(self._address, self._on_answer, auto_ack=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    def send(
        self,
        method: str,
        request: Any,
        *,
        token: str | None = None,
        command_id: str | None = None,
        within: timedelta = timedelta(seconds=40),
    ) -> str:
        """Send a request to `service.method`; the id under which its answer will come."""
        call = str(uuid4())
        headers = {
            "nameko.principal": token,
            "nameko.command_id": command_id,
            "nameko.deadline": (datetime.now(UTC) + within).isoformat(),
        }
        properties = pika.BasicProperties(
            content_type="application/json",
            reply_to=self._address,
            correlation_id=call,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        body = json.dumps({"args": [], "kwargs": {"request": request}}).encode()
        self.channel.basic_publish(RPC_EXCHANGE, method, body, properties, mandatory=True)
        return call

    def receive(self, call: str, timeout: float = 30) -> dict[str, Any]:
        """The answer to a request."""
        assert self.hears([call], timeout), "no answer"
        return self._answers[call]

    def hears(self, calls: list[str], timeout: float) -> bool:
        """Wait until all these requests have been answered; false where they were not in time."""
        deadline = datetime.now(UTC) + timedelta(seconds=timeout)
        while not all(call in self._answers for call in calls):
            if datetime.now(UTC) >= deadline:
                return False
            self._connection.process_data_events(time_limit=0.2)
        return True

    def ask(self, method: str, request: Any, **options: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.receive(self.send(method, request, **options))

    def tell(self, *events: Envelope) -> None:
        """Publish events as relays do, confirmed."""
        for event in events:
            properties = properties_of(event)
            properties["headers"] = properties.pop("application_headers")
            exchange = f"{event.type.partition('.')[0]}.events"
            self.channel.basic_publish(exchange, event.type, body_of(event), pika.BasicProperties(**properties))

    def depth(self, queue: str) -> int:
        """How many messages are ready in a queue; none where there is no such queue."""
        channel = self._connection.channel()
        try:
            count: int = channel.queue_declare(queue, passive=True).method.message_count
        except ChannelClosedByBroker:
            return 0
        channel.close()
        return count

    def take_all(self, queue: str) -> list[tuple[Any, Any, bytes]]:
        """Everything that is ready in a queue, taken out of it: method, properties, body."""
        found = []
        while (message := self.channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(message)
        return found

    def stream(self, queue: str, count: int) -> Iterator[tuple[Any, Any, bytes]]:
        """So many messages of a queue, and what comes within a second after them."""
        for number, message in enumerate(self.channel.consume(queue, auto_ack=True, inactivity_timeout=1.0)):
            if message[0] is None:
                assert number >= count, f"{number} of {count} came"
                break
            yield message
        self.channel.cancel()

    def _on_answer(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self.answered.append(properties.correlation_id)
        self._answers[properties.correlation_id] = json.loads(body)


def was_delivered_before(message: tuple[Any, Any, bytes]) -> bool:
    """Whether somebody has had this message and it came back."""
    method, properties, _ = message
    return bool(method.redelivered or (properties.headers or {}).get("x-delivery-count"))
