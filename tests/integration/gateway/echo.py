"""A service on the real broker that answers in nameko's wire format, and can be told to stay silent."""

import json
import threading
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties


class Echo:
    """Serves ``echo.*``: ``say`` answers with its request, ``refuse`` with an error, ``silent`` not at all."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.queue_declare("rpc-echo", durable=True)
        self._channel.queue_bind("rpc-echo", "nameko-rpc", "echo.*")
        self._channel.basic_consume("rpc-echo", self._answer)
        self.heard: list[tuple[str, dict[str, Any], BasicProperties]] = []
        self.mute_first = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._channel.start_consuming()

    def _answer(
        self, channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        request = json.loads(body)
        name = str(method.routing_key).partition(".")[2]
        self.heard.append((name, request, properties))
        channel.basic_ack(method.delivery_tag or 0)
        if name == "silent" or len(self.heard) <= self.mute_first:
            return
        answer: dict[str, Any] = {"result": request["kwargs"]["request"], "error": None}
        if name == "refuse":
            value = {"kind": "conflict", "code": "not_today", "message": "Not today.", "params": {"day": "Monday"}}
            answer = {"result": None, "error": {"exc_type": "Conflict", "value": value}}
        elif name == "fail":
            answer = {"result": None, "error": {"exc_type": "ZeroDivisionError", "value": "secret"}}
        raw = b"not json" if name == "babble" else json.dumps(answer).encode()
        channel.basic_publish(
            "rpc.replies", str(properties.reply_to), raw, BasicProperties(correlation_id=properties.correlation_id)
        )

    def tell(self, wire_name: str, data: dict[str, Any]) -> None:
        """Publish an event as the relay does."""
        exchange = f"{wire_name.partition('.')[0]}.events"
        body = json.dumps(data).encode()
        self._connection.add_callback_threadsafe(lambda: self._channel.basic_publish(exchange, wire_name, body))

    def stop(self) -> None:
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(timeout=5)
        self._connection.close()
