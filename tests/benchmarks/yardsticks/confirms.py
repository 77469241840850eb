"""Bare pipelined publisher confirms: py-amqp, nothing of ours, many messages in flight.

python -m tests.benchmarks.yardsticks.confirms COUNT
"""

from __future__ import annotations

import os
import sys
import time
from urllib.parse import unquote, urlsplit

import amqp

from libs.contracts.orders import OrderPaid
from libs.messaging import envelope
from libs.messaging.topology import exchange_of
from tests.benchmarks.paid_orders import example_envelope

IN_FLIGHT = 1_000


def main(count: int) -> float:
    """Publish so many messages like the relay's; messages a second until the last is confirmed."""
    parts = urlsplit(os.environ["AMQP_URL"])
    connection = amqp.Connection(
        host=f"{parts.hostname}:{parts.port}",
        userid=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        virtual_host=unquote(parts.path[1:]),
    )
    connection.connect()
    channel = connection.channel()
    channel.confirm_select()
    confirmed = 0

    def on_confirm(tag: int, _multiple: bool) -> None:
        nonlocal confirmed
        confirmed = max(confirmed, tag)

    channel.events["basic_ack"].add(on_confirm)
    stamp = example_envelope()
    body, properties = envelope.body_of(stamp), envelope.properties_of(stamp)
    exchange, key = exchange_of(OrderPaid.TYPE), OrderPaid.TYPE
    began = time.perf_counter()
    for sent in range(count):
        while sent - confirmed >= IN_FLIGHT:
            connection.drain_events(timeout=20)
        channel.basic_publish(amqp.Message(body, **properties), exchange, key, mandatory=True)
    while confirmed < count:
        connection.drain_events(timeout=20)
    took = time.perf_counter() - began
    connection.close()
    return count / took


if __name__ == "__main__":
    sys.stdout.write(f"{main(int(sys.argv[1])):.1f}\n")
