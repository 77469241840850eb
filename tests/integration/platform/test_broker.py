"""The private RabbitMQ node."""

from __future__ import annotations

import pika
import pytest

from tests.support.fixtures import TestBroker


def test_a_test_gets_an_empty_virtual_host_of_its_own(broker: TestBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("orders.events", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "orders.events", b"paid", mandatory=True)
        _, _, body = channel.basic_get("orders.events", auto_ack=True)
    assert body == b"paid"


@pytest.mark.parametrize("_again", range(2))
def test_nothing_is_left_of_an_earlier_test(broker: TestBroker, _again: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        channel = connection.channel()
        declared = channel.queue_declare("left", durable=True)
        channel.basic_publish("", "left", b"behind")
    assert declared.method.message_count == 0


def test_an_expression_the_node_refuses_is_an_error(broker: TestBroker) -> None:
    with pytest.raises(RuntimeError, match="no_such_module"):
        broker.evaluate("no_such_module:deed()")
