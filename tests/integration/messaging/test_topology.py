"""What is declared on the broker."""

from collections.abc import Iterator
from typing import Any

import pytest

from libs.contracts.base import EVENTS
from libs.messaging import topology
from libs.messaging.link import Link, LinkDown
from libs.messaging.topology import TopologyUnfit, declare_all, declare_hearing, load_contracts
from tests.integration.messaging.client import Client
from tests.support.eventually import eventually
from tests.support.fixtures import TestBroker

PAID = "orders.order_paid.v1"
PLACED = "orders.order_placed.v1"
HEARD = "licensing.events.heard"


@pytest.fixture
def link(broker: TestBroker) -> Iterator[Link]:
    link = Link(broker.url, name="test")
    link.open()
    yield link
    link.close()


@pytest.fixture
def client(broker: TestBroker) -> Iterator[Client]:
    client = Client(broker.url)
    yield client
    client.close()


def say(client: Client, event_type: str) -> None:
    client.publish(event_type, b"{}", exchange=topology.exchange_of(event_type))


def test_an_event_goes_to_those_who_hear_it_and_to_the_unheard_where_nobody_does(
    broker: TestBroker, client: Client
) -> None:
    declare_all(broker.url, {"licensing": {PAID}, "notifications": {PAID}, "mfa": set()})

    say(client, PAID)
    say(client, PLACED)

    queues = ["licensing.events.heard", "notifications.events.heard", "mfa.events.heard", "events.unheard"]
    assert [client.depth(queue) for queue in queues] == [1, 1, 0, 1]


def test_every_event_of_the_house_has_somewhere_to_go(broker: TestBroker, client: Client) -> None:
    heard_by = {service: topology.subscriptions_of(service) for service in topology.services_in_the_house()}
    declare_all(broker.url, heard_by)
    load_contracts()

    for event_type in EVENTS:
        say(client, event_type)  # raises where the broker returns it


def test_declaring_again_moves_bindings_to_what_is_heard_today(broker: TestBroker, client: Client) -> None:
    declare_all(broker.url, {"licensing": {PAID}})
    declare_all(broker.url, {"licensing": {PLACED}})

    say(client, PAID)
    say(client, PLACED)

    (properties, _), nothing = client.get(HEARD), client.get(HEARD)
    assert properties is not None
    assert nothing is None
    assert client.depth("events.unheard") == 1


def test_what_is_rejected_by_the_consumer_is_not_lost(link: Link, client: Client) -> None:
    declare_hearing(link.channel, "licensing", {PAID})
    got: list[Any] = []
    link.consume(HEARD, got.append, prefetch=1)
    say(client, PAID)
    while not got:
        link.read(1)
    got[0].reject()
    link.read(0.2)

    assert eventually(lambda: client.depth("licensing.events.dead") == 1)


def test_the_command_declares_the_whole_house(
    broker: TestBroker, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URL", broker.url)
    monkeypatch.setattr("libs.messaging.topology.configure", lambda name: None)

    topology.main([])

    say(client, PAID)
    assert client.depth(HEARD) == 1


def test_a_queue_of_another_make_is_replaced_while_it_is_empty(broker: TestBroker, client: Client) -> None:
    client.channel.queue_declare("rpc-licensing", durable=True)
    client.channel.queue_declare("licensing.events", durable=True)

    declare_all(broker.url, {"licensing": {PAID}})

    client.publish("licensing.renew", b"{}")
    assert client.depth("rpc-licensing") == 1
    assert client.depth("licensing.events") == 0, "the queue that an earlier release read is gone"
    say(client, PAID)
    assert client.depth(HEARD) == 1


@pytest.mark.parametrize("name", ["rpc-licensing", "licensing.events", "licensing.events.retry.1s"])
def test_a_queue_of_another_make_that_holds_something_is_left_alone_and_named(
    broker: TestBroker, client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.channel.queue_declare(name, durable=True)
    client.publish(name, b"precious", exchange="")
    monkeypatch.setenv("AMQP_URL", broker.url)
    monkeypatch.setattr("libs.messaging.topology.configure", lambda name: None)

    with pytest.raises(SystemExit, match=rf"The queue {name} is of an earlier release and still holds 1 messages: "):
        topology.main([])
    assert client.depth(name) == 1


def test_a_queue_of_another_make_that_is_still_read_is_left_alone(broker: TestBroker, client: Client) -> None:
    client.channel.queue_declare("rpc-licensing", durable=True)
    client.channel.basic_consume("rpc-licensing", lambda *_: None)

    with pytest.raises(TopologyUnfit, match="still read by 1 of its processes"):
        declare_all(broker.url, {"licensing": set()})


def test_a_service_alone_says_what_is_to_be_done(link: Link) -> None:
    with pytest.raises(TopologyUnfit, match=r"run `python -m libs\.messaging\.topology`"):
        declare_hearing(link.channel, "licensing", {"nowhere.sold.v1"})


def test_a_link_to_nowhere_says_so_in_time() -> None:
    link = Link("amqp://nobody@127.0.0.1:9/", name="test")

    with pytest.raises(LinkDown):
        link.open()
    with pytest.raises(LinkDown):
        link.publish("", "queue", b"", {})
    with pytest.raises(LinkDown):
        _ = link.channel
    link.ack(1)
    link.reject(1)
    link.close()
    assert not link.alive


def test_wrong_credentials_are_a_link_down(broker: TestBroker) -> None:
    scheme, _, rest = broker.url.partition("://")
    link = Link(f"{scheme}://nobody:wrong@{rest.rpartition('@')[2]}", name="test")

    with pytest.raises(LinkDown):
        link.open()
