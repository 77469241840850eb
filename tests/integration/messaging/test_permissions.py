"""What each user of the bus may do and may not; a new service is held to it by being there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from gateway.bus import Bus
from gateway.hearing import HEARD
from libs.contracts.base import EVENTS
from libs.contracts.errors import ServiceError, Unavailable
from libs.messaging import permissions
from libs.messaging.link import Link
from libs.messaging.permissions import GATEWAY, user_of
from libs.messaging.topology import (
    REPLIES,
    RPC_EXCHANGE,
    declare_all,
    declare_hearing,
    declare_rpc,
    exchange_of,
    inner_exchange_of,
    load_contracts,
    own_exchanges,
    own_queues,
    queue_of,
    rpc_dead_queue_of,
    rpc_queue_of,
    services_in_the_house,
    source_of,
    whole_house,
)
from tests.support.eventually import eventually
from tests.support.ground import Ground

load_contracts()
SERVICES = services_in_the_house()
HEARD_BY = whole_house()
Deed = Callable[[BlockingChannel], Any]
Deeds = dict[str, Deed]


@dataclass(frozen=True, kw_only=True)
class House:
    """The declared topology of the whole house, and the address of each of its users."""

    administrator: str
    urls: dict[str, str]

    def depth(self, queue: str) -> int:
        with pika.BlockingConnection(pika.URLParameters(self.administrator)) as connection:
            count: int = connection.channel().queue_declare(queue, passive=True).method.message_count
            return count


@pytest.fixture(scope="module")
def house(ground: Ground) -> Iterator[House]:
    if ground.broker.external:
        pytest.skip("users are made on our own broker only")
    vhost, url = ground.new_vhost()
    declare_all(url, HEARD_BY)
    yield House(administrator=url, urls=ground.new_users(vhost))
    ground.broker.delete_vhost(vhost)


@pytest.fixture
def connection(house: House, request: pytest.FixtureRequest) -> Iterator[pika.BlockingConnection]:
    """A connection of the user whom the test is about."""
    with pika.BlockingConnection(pika.URLParameters(house.urls[request.param])) as connection:
        yield connection


def say(exchange: str, key: str, headers: dict[str, Any] | None = None) -> Deed:
    return lambda channel: channel.basic_publish(exchange, key, b"{}", pika.BasicProperties(headers=headers))


def bind(queue: str, exchange: str, key: str) -> Deed:
    return lambda channel: channel.queue_bind(queue, exchange, key)


def refused(connection: pika.BlockingConnection, deed: Deed) -> bool:
    """Whether the broker refused a deed for want of a permission."""
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        deed(channel)
    except ChannelClosedByBroker as closed:
        return bool(closed.reply_code == 403)
    channel.close()
    return False


def let_through(connection: pika.BlockingConnection, deeds: Deeds) -> list[str]:
    return [name for name, deed in deeds.items() if not refused(connection, deed)]


def meddling(queue: str) -> Deeds:
    """Everything that can be done to a queue."""
    return {
        f"consume {queue}": lambda channel: channel.basic_consume(queue, lambda *_: None),
        f"get from {queue}": lambda channel: channel.basic_get(queue),
        f"purge {queue}": lambda channel: channel.queue_purge(queue),
        f"delete {queue}": lambda channel: channel.queue_delete(queue),
        f"declare {queue}": lambda channel: channel.queue_declare(queue, durable=True),
        f"bind {queue}": bind(queue, RPC_EXCHANGE, "a.*"),
        f"unbind {queue}": lambda channel: channel.queue_unbind(queue, RPC_EXCHANGE, "a.*"),
    }


def breaking(exchange: str) -> Deeds:
    """What can be done to an exchange beside publishing."""
    return {
        f"delete {exchange}": lambda channel: channel.exchange_delete(exchange),
        f"declare {exchange}": lambda channel: channel.exchange_declare(exchange, "fanout"),
        f"lead {exchange} elsewhere": lambda channel: channel.exchange_bind(exchange, RPC_EXCHANGE, "#"),
    }


def strange() -> Deeds:
    """What nobody but the administrator has any business with."""
    return {
        "declare a queue of one's own": lambda channel: channel.queue_declare("strange", durable=True),
        "declare a nameless queue": lambda channel: channel.queue_declare("", exclusive=True),
        "declare an exchange": lambda channel: channel.exchange_declare("strange", "topic"),
        "publish to amq.topic": say("amq.topic", "a"),
        "delete amq.topic": lambda channel: channel.exchange_delete("amq.topic"),
        "take the trace": lambda channel: channel.exchange_bind("amq.topic", "amq.rabbitmq.trace", "#"),
        "publish to no exchange": say("", "anything"),
        "empty the unheard": lambda channel: channel.queue_purge("events.unheard"),
    }


def forbidden_to_gateway() -> Deeds:
    mine = f"gateway.hearing.{uuid4()}"

    def eavesdrop(exchange: str, key: str) -> Deed:
        def deed(channel: BlockingChannel) -> None:
            channel.queue_declare(mine, exclusive=True)
            channel.queue_bind(mine, exchange, key)

        return deed

    deeds = strange() | {f"say {kind}": say(exchange_of(kind), kind) for kind in EVENTS}
    for key in ("#", "*", "*.*", "orders.*", "orders.place_order"):
        deeds[f"hear requests by {key}"] = eavesdrop(RPC_EXCHANGE, key)
        deeds[f"hear replies by {key}"] = eavesdrop(REPLIES, key)
    for kind in sorted(set(EVENTS) - HEARD):
        deeds[f"hear {kind}"] = eavesdrop(exchange_of(kind), kind)
    for service in SERVICES:
        deeds[f"write to {service}'s queues"] = say(inner_exchange_of(service), queue_of(service))
        deeds[f"write to {service}'s requests past the exchange"] = say("", rpc_queue_of(service))
        deeds[f"hear everything of {service}"] = eavesdrop(f"{service}.events", "#")
        deeds[f"hear what {service} passes on"] = eavesdrop(inner_exchange_of(service), queue_of(service))
        for queue in own_queues(service):
            deeds |= meddling(queue.name)
        for exchange in own_exchanges(service):
            deeds |= breaking(exchange)
    deeds["answer"] = say(REPLIES, str(uuid4()))
    deeds["declare a queue without a UUID"] = lambda channel: channel.queue_declare("gateway.replies.a", exclusive=True)
    return deeds | breaking(RPC_EXCHANGE) | breaking(REPLIES)


def forbidden_to(service: str) -> Deeds:
    mine, gateways = queue_of(service), f"gateway.replies.{uuid4()}"
    deeds = strange() | meddling(gateways) | breaking(RPC_EXCHANGE) | breaking(REPLIES)
    deeds["publish to no exchange, to its own queue"] = say("", mine)
    deeds["declare one queue more"] = lambda channel: channel.queue_declare(f"{mine}.too", durable=True)
    for kind in EVENTS:
        if source_of(kind) != service:
            deeds[f"say {kind}"] = say(exchange_of(kind), kind)
            deeds[f"say {kind} on its own exchange"] = say(f"{service}.events", kind)
        if kind not in HEARD_BY[service]:
            deeds[f"hear {kind}"] = bind(mine, exchange_of(kind), kind)
    for key in (*(f"{one}.anything" for one in SERVICES), "nobody.home"):
        deeds[f"ask {key}"] = say(RPC_EXCHANGE, key)
        deeds[f"answer to {key}"] = say(REPLIES, key)
    deeds["answer to a name"] = say(REPLIES, "amq.rabbitmq.reply-to.x")
    for key in ("#", "*", "*.*", str(uuid4()), *(f"{one}.*" for one in SERVICES if one != service)):
        deeds[f"hear requests by {key}"] = bind(mine, RPC_EXCHANGE, key)
        deeds[f"hear replies by {key}"] = bind(mine, REPLIES, key)
    for other in set(SERVICES) - {service}:
        deeds[f"hear everything of {other}"] = bind(mine, f"{other}.events", "#")
        deeds[f"hear what {other} passes on"] = bind(mine, inner_exchange_of(other), queue_of(other))
        for queue in own_queues(other):
            deeds |= meddling(queue.name)
            deeds[f"write to {queue.name}"] = say(inner_exchange_of(other), queue.name)
        for exchange in own_exchanges(other):
            deeds |= breaking(exchange)
    return deeds


@pytest.mark.parametrize(("service", "connection"), [(one, user_of(one)) for one in SERVICES], indirect=["connection"])
class TestAService:
    def test_is_refused_everything_that_is_not_its_own(
        self, house: House, connection: pika.BlockingConnection, service: str
    ) -> None:
        deeds = forbidden_to(service)

        assert len(deeds) > 250
        assert let_through(connection, deeds) == []

    def test_declares_its_own_part_though_nothing_of_it_is_left(
        self, house: House, connection: pika.BlockingConnection, service: str
    ) -> None:
        channel = connection.channel()
        for queue in own_queues(service):
            channel.queue_delete(queue.name)
        link = Link(house.urls[user_of(service)], name="test")
        link.open()

        declare_hearing(link.channel, service, HEARD_BY[service])
        declare_rpc(link.channel, service)

        link.close()
        assert [house.depth(queue.name) for queue in own_queues(service)] == [0] * len(own_queues(service))

    def test_says_its_events_answers_writes_and_reads_its_own_queues(
        self, house: House, connection: pika.BlockingConnection, service: str
    ) -> None:
        channel = connection.channel()
        channel.confirm_delivery()
        for kind in EVENTS:
            if source_of(kind) == service:
                say(exchange_of(kind), kind)(channel)
        say(REPLIES, str(uuid4()))(channel)
        for queue in own_queues(service):
            channel.queue_purge(queue.name)
            say(inner_exchange_of(service), queue.name)(channel)
            method, _, _ = eventually(lambda name=queue.name: _got(channel, name))
            channel.basic_ack(method.delivery_tag)
            channel.basic_cancel(channel.basic_consume(queue.name, lambda *_: None))

    @pytest.mark.parametrize("target", ["nameko-rpc", "", "events of others", "amq.topic"])
    def test_cannot_let_the_broker_write_where_it_may_not(
        self, house: House, connection: pika.BlockingConnection, service: str, target: str
    ) -> None:
        other = next(one for one in SERVICES if one != service)
        exchange = f"{other}.events" if target == "events of others" else target

        def by_dead_letters(channel: BlockingChannel) -> None:
            channel.queue_delete(rpc_dead_queue_of(service))
            arguments = {"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": f"{other}.anything"}
            channel.queue_declare(rpc_dead_queue_of(service), durable=True, arguments=arguments)

        def by_an_alternate(channel: BlockingChannel) -> None:
            channel.exchange_delete(f"{service}.events")
            channel.exchange_declare(
                f"{service}.events", "topic", durable=True, arguments={"alternate-exchange": exchange}
            )

        deeds: Deeds = {"dead letters": by_dead_letters}
        if exchange:  # no exchange can have the default one for an alternate
            deeds["alternate"] = by_an_alternate
        try:
            assert let_through(connection, deeds) == []
        finally:
            declare_all(house.administrator, HEARD_BY)

    def test_no_answer_becomes_a_request(self, house: House, connection: pika.BlockingConnection, service: str) -> None:
        """The broker's own permissions let these two through; what they are bound to does not."""
        other = next(one for one in SERVICES if one != service)
        before = house.depth(rpc_queue_of(other))
        channel = connection.channel()
        channel.confirm_delivery()
        say(REPLIES, str(uuid4()), {"CC": [f"{other}.anything"], "BCC": [f"{other}.anything"]})(channel)
        arguments = {
            "x-message-ttl": 0,
            "x-dead-letter-exchange": REPLIES,
            "x-dead-letter-routing-key": f"{other}.anything",
        }
        try:
            channel.queue_delete(rpc_dead_queue_of(service))
            channel.queue_declare(rpc_dead_queue_of(service), durable=True, arguments=arguments)
            channel.queue_bind(rpc_dead_queue_of(service), inner_exchange_of(service), rpc_dead_queue_of(service))
            say(inner_exchange_of(service), rpc_dead_queue_of(service))(channel)
            assert eventually(lambda: house.depth(rpc_dead_queue_of(service)) == 0)
            assert house.depth(rpc_queue_of(other)) == before
        finally:
            declare_all(house.administrator, HEARD_BY)


def _got(channel: BlockingChannel, queue: str) -> Any:
    got = channel.basic_get(queue)
    return got if got[0] is not None else None


@pytest.mark.parametrize("connection", [GATEWAY], indirect=True)
def test_the_gateway_is_refused_everything_but_asking_and_hearing(connection: pika.BlockingConnection) -> None:
    deeds = forbidden_to_gateway()

    assert len(deeds) > 400
    assert let_through(connection, deeds) == []


def test_the_gateway_asks_every_service_and_hears_what_it_listens_to(house: House) -> None:
    bus = Bus(house.urls[GATEWAY])
    bus.start()

    def ready() -> bool:
        try:
            bus.check()
        except ServiceError:
            return False
        return True

    assert eventually(ready)
    for service in SERVICES:
        with pytest.raises(Unavailable) as silence:
            bus.call(f"{service}.anything", {}, {}, 0.2)
        assert silence.value.code == "no_answer", "the request waits in the service's queue"
    heard: list[Any] = []
    for kind in HEARD:
        bus.listen(EVENTS[kind], heard.append)
    assert eventually(lambda: ready() and bus._hearing is not None)
    account, session = str(uuid4()), str(uuid4())
    with pika.BlockingConnection(pika.URLParameters(house.urls[user_of("identity")])) as connection:
        channel = connection.channel()

        def told() -> bool:
            body = json.dumps({"session_id": session, "account_id": account}).encode()
            channel.basic_publish("identity.events", "identity.session_ended.v1", body)
            return bool(heard)

        assert eventually(told)
    assert ready(), "no binding was refused"
    bus.close()


def test_guest_is_not_there_and_nobody_enters_another_virtual_host(house: House, ground: Ground) -> None:
    address = house.administrator.rpartition("@")[2]
    for url in (f"amqp://guest:guest@{address}", f"{house.urls[GATEWAY].rpartition('/')[0]}/licentia"):
        with pytest.raises(AMQPConnectionError):
            pika.BlockingConnection(pika.URLParameters(url))
    assert ground.broker.evaluate('rabbit_auth_backend_internal:exists(<<"guest">>)') == "false"


def test_the_command_prints_what_rabbitmq_imports(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    for user in (GATEWAY, permissions.OPERATOR, *map(user_of, SERVICES)):
        monkeypatch.setenv(f"{user.upper()}_PASSWORD", f"secret of {user}")
    monkeypatch.delenv("LICENTIA_GATEWAY_PASSWORD")
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("LICENTIA_GATEWAY_PASSWORD_FILE", str(tmp_path / "password"))

    permissions.main([])

    told = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in told["users"]} == {GATEWAY, "licentia", *map(user_of, SERVICES)}
    assert "secret" not in json.dumps(told)
    assert {one["user"] for one in told["permissions"] if ".*" in one.values()} == {"licentia"}
    assert [one["tags"] for one in told["users"]] == [""] * len(told["users"])
    monkeypatch.delenv("LICENTIA_ORDERS_PASSWORD")
    with pytest.raises(SystemExit, match="LICENTIA_ORDERS_PASSWORD is not set"):
        permissions.main([])
