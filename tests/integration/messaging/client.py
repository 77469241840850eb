"""A caller on the wire, independent of the code under test: pika and a reply queue of its own."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
from pika.exceptions import ChannelClosedByBroker


class Client:
    """Calls methods of the example service and publishes what no client should."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self._connection.channel()
        self.channel.confirm_delivery()
        self._replies: dict[str, dict[str, Any]] = {}
        self.reply_to = str(uuid.uuid4())
        queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(queue, "rpc.replies", self.reply_to)
        self.channel.basic_consume(queue, self._on_reply, auto_ack=True)

    def close(self) -> None:
        self._connection.close()

    def send(
        self,
        method: str,
        request: Any,
        *,
        principal: str | None = None,
        command_id: str | None = None,
        correlation_id: str | None = None,
        within: timedelta = timedelta(seconds=10),
    ) -> str:
        """Send a request; the id under which its answer will come."""
        call = str(uuid.uuid4())
        headers = {
            "nameko.principal": principal,
            "nameko.command_id": command_id,
            "nameko.correlation_id": correlation_id,
            "nameko.deadline": (datetime.now(UTC) + within).isoformat(),
        }
        self.publish(
            f"lending.{method}",
            json.dumps({"args": [], "kwargs": {"request": request}}).encode(),
            content_type="application/json",
            reply_to=self.reply_to,
            correlation_id=call,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        return call

    def receive(self, call: str, timeout: float = 15) -> dict[str, Any]:
        """The answer to a request."""
        deadline = datetime.now(UTC) + timedelta(seconds=timeout)
        while call not in self._replies:
            assert datetime.now(UTC) < deadline, "no answer"
            self._connection.process_data_events(time_limit=0.5)
        return self._replies.pop(call)

    def call(self, method: str, request: Any, **options: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.receive(self.send(method, request, **options))

    def result(self, method: str, request: Any, **options: Any) -> Any:
        """The result of a call that must succeed."""
        answer = self.call(method, request, **options)
        assert answer["error"] is None, answer
        return answer["result"]

    def error(self, method: str, request: Any, **options: Any) -> dict[str, Any]:
        """The wire form of the error of a call that must fail."""
        answer = self.call(method, request, **options)
        assert answer["error"] is not None, answer
        value: dict[str, Any] = answer["error"]["value"]
        return value

    def publish(self, routing_key: str, body: bytes, *, exchange: str = "nameko-rpc", **properties: Any) -> None:
        """Publish anything at all, confirmed."""
        self.channel.basic_publish(exchange, routing_key, body, pika.BasicProperties(**properties), mandatory=True)

    def get(self, queue: str) -> tuple[Any, bytes] | None:
        """Take a message out of a queue."""
        method, properties, body = self.channel.basic_get(queue, auto_ack=True)
        return None if method is None else (properties, body)

    def depth(self, queue: str) -> int:
        """How many messages wait in a queue; none where there is no such queue yet."""
        channel = self._connection.channel()
        try:
            count: int = channel.queue_declare(queue, passive=True).method.message_count
        except ChannelClosedByBroker:
            return 0
        channel.close()
        return count

    def _on_reply(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self._replies[properties.correlation_id] = json.loads(body)
