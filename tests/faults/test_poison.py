"""Poison, in every queue, for every event and every method: nothing stops, nothing is lost, nobody is held up."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.machine import ROOT, Child
from libs.chassis.clock import ManualClock
from libs.chassis.crypto import generate_sealing_keys
from libs.chassis.ids import new_id
from libs.chassis.principal import generate_key_pair
from libs.contracts.base import EVENTS
from libs.messaging import envelope
from libs.messaging.envelope import Envelope
from libs.messaging.link import Link
from libs.messaging.rpc import rpc_class_of
from libs.messaging.topology import (
    RPC_EXCHANGE,
    declare_all,
    exchange_of,
    inner_exchange_of,
    own_queues,
    queue_of,
    rpc_dead_queue_of,
    rpc_queue_of,
    services_in_the_house,
    source_of,
    whole_house,
)
from tests.contract.examples_of import EXAMPLES
from tests.faults.asking import Caller
from tests.faults.replaying import LADDER, workers
from tests.support.databases import Databases, ServiceDatabase
from tests.support.eventually import eventually
from tests.support.ground import Ground

HEARD_BY = whole_house()
METHODS = {
    service: [method.name for method in rpc_class_of(importlib.import_module(f"services.{service}.rpc")).methods()]
    for service in services_in_the_house()
}
NEIGHBOURS_WITHIN = 5.0
NESTED = b"[" * 400_000
DEEP = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@dataclass(frozen=True, kw_only=True)
class Bus:
    """Every service at work: its worker in this process, its requests in another."""

    url: str
    link: Link
    caller: Caller
    rpc: Child
    databases: dict[str, ServiceDatabase]

    def died(self, service: str) -> Counter[tuple[str, str]]:
        """How many dead letters there are, by queue and reason."""
        with self.databases[service].engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT queue, reason, count(*) FROM dead_letter_deeds JOIN dead_letters ON dead_letters.id = letter_id"
                " WHERE deed = 'died' GROUP BY queue, reason"
            )
            return Counter({(row.queue, row.reason): row.count for row in rows})

    def is_received(self, service: str, event: Envelope) -> bool:
        """Whether a handler of the service has committed for this event."""
        with self.databases[service].engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM inbox WHERE message_id = %(id)s", {"id": event.id})
            return bool(found.scalar_one())


@pytest.fixture(scope="module")
def bus(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    vhost, url = ground.new_vhost()
    declare_all(url, HEARD_BY, ladder=LADDER)
    databases = Databases(ground, ManualClock())
    by_service = {service: databases(service) for service in HEARD_BY}
    child = Child("every-rpc", tmp_path_factory.mktemp("rpc"))
    addresses = {f"{service.upper()}_DATABASE_URL": database.url for service, database in by_service.items()}
    environment = {**os.environ, **addresses, **settings(), "AMQP_URL": url, "LOG_FORMAT": "json"}
    child.start([sys.executable, "-m", "tests.faults.every_rpc", *HEARD_BY], env=environment, cwd=ROOT)
    link = Link(url, name="poisoner")
    link.open()
    with ExitStack() as stack:
        caller = stack.enter_context(Caller(url))
        for database in by_service.values():
            stack.enter_context(workers(database, url, 1))

        def serving() -> bool:
            assert child.running, child.tail(5)
            return child.log.read_text().count("requests are taken") == len(HEARD_BY)

        eventually(serving, 60)
        yield Bus(url=url, link=link, caller=caller, rpc=child, databases=by_service)
        link.close()
        child.stop(9)
    databases.close()
    ground.broker.delete_vhost(vhost)


def settings() -> dict[str, str]:
    """What the services want to know before they start; nobody outside is asked here."""
    private, public = generate_key_pair()
    opener, sealer = generate_sealing_keys()
    return {
        "PRINCIPAL_PUBLIC_KEY": public,
        "IDENTITY_SIGNING_KEY": private,
        "SEALING_PUBLIC_KEY": sealer,
        "NOTIFICATIONS_PRIVATE_KEY": opener,
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MFA_PUSH_URL": "http://127.0.0.1:9",
        "MFA_PUSH_VENDOR_NUMBER": "NOBODY",
        "MFA_PUSH_API_KEY": "none",
        "MFA_CALLBACK_SECRET": "none",
        "MFA_CALLBACK_URL": "http://127.0.0.1:9",
        "OPERATOR": "demo",
    }


def example(kind: str) -> Envelope:
    """An event of this type as it was released."""
    return Envelope(
        id=new_id(),
        type=kind,
        source=source_of(kind),
        subject=str(uuid4()),
        time=datetime.now(UTC),
        correlation_id="trace-poison",
        causation_id=None,
        sequence=1,
        data=json.loads((EXAMPLES / f"{kind}.json").read_text()),
    )


def say(bus: Bus, event: Envelope, body: bytes | None = None, **changes: Any) -> None:
    """Publish an event the way its service does, changed."""
    properties = {**envelope.properties_of(event), **changes.pop("properties", {})}
    properties["application_headers"] = {**properties["application_headers"], **changes.pop("headers", {})}
    for name in changes.pop("without", ()):
        properties.pop(name, None)
    body = envelope.body_of(event) if body is None else body
    bus.link.publish(exchange_of(event.type), event.type, body, properties)


EVENT_POISON: dict[str, tuple[dict[str, Any], str]] = {
    "bad JSON": ({"body": b'{"order_id": '}, "not_json"),
    "bytes that are no text": ({"body": b"\xff\xfe\x00"}, "not_json"),
    "400 kB of nesting": ({"body": NESTED}, "not_json"),
    "400 kB of nesting in a field": ({"body": DEEP}, "not_json"),
    "a list": ({"body": b"[]"}, "not_an_object"),
    "none of its fields": ({"body": b"{}"}, "invalid_data"),
    "no content type": ({"without": ["content_type"]}, "wrong_content_type"),
    "another content type": ({"properties": {"content_type": "text/plain"}}, "wrong_content_type"),
    "no headers": ({"without": ["application_headers"]}, "no_cloud_event"),
    "another version of the envelope": ({"headers": {"cloudEvents_specversion": "2.0"}}, "no_cloud_event"),
    "a number for an id": ({"headers": {"cloudEvents_id": 17}}, "wrong_attribute"),
    "a version nobody knows": ({"headers": {"cloudEvents_type": "orders.order_paid.v99"}}, "wrong_sender"),
    "damaged properties": ({"properties": {"reply_to": b"\xff\xff"}}, "damaged_properties"),
    "headers of every kind": (
        {
            "body": b"-",
            "headers": {
                "nothing": None, "decimal": Decimal("1.50"), "time": datetime(2026, 1, 1, tzinfo=UTC), "bytes": b"\xff",
                "list": [1, "two", {"three": [3.5, None]}], "big": 2**40, "yes": True, "x-attempt": "many",
                "x-delivery-count": 7, "nameko.call_id_stack": 5,
            },
        },
        "not_json",
    ),
}  # fmt: skip


def of_size(cases: dict[str, Any], *, heavy: bool) -> list[Any]:
    """All cases, or all but the large ones: those are tried once for each service."""
    return [case for name, case in cases.items() if heavy or "400 kB" not in name]


def test_every_event_that_cannot_be_read_is_a_dead_letter_with_its_reason_and_its_neighbours_are_handled(
    bus: Bus,
) -> None:
    before = {service: bus.died(service) for service in HEARD_BY}
    kinds = sorted(set().union(*HEARD_BY.values()))
    largest = {min(heard) for heard in HEARD_BY.values() if heard}
    for kind in kinds:
        for changes, _ in of_size(EVENT_POISON, heavy=kind in largest):
            say(bus, example(kind), **dict(changes))

    for service, heard in HEARD_BY.items():
        expected = Counter(reason for kind in heard for _, reason in of_size(EVENT_POISON, heavy=kind in largest))

        def missing(service: str = service, expected: Counter[str] = expected) -> Counter[str]:
            died = bus.died(service) - before[service]
            return expected - Counter({reason: count for (_, reason), count in died.items()})

        eventually(lambda missing=missing: not missing(), 60)
    neighbours = {kind: example(kind) for kind in kinds}
    told = monotonic()
    for kind, neighbour in neighbours.items():
        say(bus, example(kind), b"{")
        say(bus, neighbour)
    for service, heard in HEARD_BY.items():
        # some handlers have nothing to act on in an empty database and are tried again; others take what they hear
        eventually(
            lambda service=service, heard=heard: any(bus.is_received(service, neighbours[kind]) for kind in heard), 30
        )
    assert monotonic() - told < NEIGHBOURS_WITHIN


def test_garbage_in_any_queue_of_any_service_ends_among_the_dead_letters(bus: Bus) -> None:
    for service in HEARD_BY:
        queues = [queue.name for queue in own_queues(service, LADDER)]
        wanted = sum(bus.died(service).values()) + len(queues) + 1
        for number, queue in enumerate(queues):
            body = b"\xff garbage %d" % number
            bus.link.publish(inner_exchange_of(service), queue, body, {})
        unknown = example(next(iter(EVENTS)))
        properties = envelope.properties_of(unknown)
        headers = {**properties["application_headers"], "cloudEvents_type": "nobody.knew_it.v3"}
        bus.link.publish(
            inner_exchange_of(service), queue_of(service), b"{}", {**properties, "application_headers": headers}
        )

        assert eventually(lambda service=service, wanted=wanted: sum(bus.died(service).values()) >= wanted, 20)
        assert (queue_of(service), "unknown_type") in bus.died(service)
        assert eventually(lambda queues=queues: not any(bus.caller.depth(queue) for queue in queues))


GOOD = {"content_type": "application/json", "reply_to": str(uuid4())}
REQUEST = b'{"args": [], "kwargs": {"request": {}}}'
RPC_POISON: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "bad JSON": (b'{"args": [', GOOD, "not_json"),
    "bytes that are no text": (b"\xff\xfe\x00", GOOD, "not_json"),
    "400 kB of nesting": (NESTED, GOOD, "not_json"),
    "400 kB of nesting in a field": (DEEP, GOOD, "not_json"),
    "no arguments": (b"{}", GOOD, "no_arguments"),
    "no properties": (REQUEST, {}, "wrong_content_type"),
    "a pickle": (b"\x80\x04K\x01.", {**GOOD, "content_type": "application/x-python-serialize"}, "wrong_content_type"),
    "no reply_to": (REQUEST, {"content_type": "application/json"}, "no_reply_to"),
    "a request for a reply_to": (REQUEST, {**GOOD, "reply_to": "orders.place_order"}, "wrong_reply_to"),
    "a number for a principal": (
        REQUEST, {**GOOD, "application_headers": {"nameko.principal": 5}}, "wrong_header_principal",
    ),
    "damaged properties": (REQUEST, {**GOOD, "reply_to": b"\xff"}, "damaged_properties"),
}  # fmt: skip


def test_every_method_survives_every_request_that_cannot_be_read(bus: Bus) -> None:
    before = {service: bus.died(service) for service in METHODS}
    for service, methods in METHODS.items():
        for method in methods:
            for body, properties, _ in of_size(RPC_POISON, heavy=method == methods[0]):
                bus.link.publish(RPC_EXCHANGE, f"{service}.{method}", body, dict(properties))
    for service, methods in METHODS.items():
        queue = rpc_queue_of(service)
        expected = Counter(
            (queue, reason) for method in methods for _, _, reason in of_size(RPC_POISON, heavy=method == methods[0])
        )
        assert eventually(
            lambda service=service, expected=expected: bus.died(service) - before[service] == expected, 30
        ), (service, expected - (bus.died(service) - before[service]))
        assert bus.caller.depth(queue) == bus.caller.depth(rpc_dead_queue_of(service)) == 0
    asked = monotonic()
    for service, methods in METHODS.items():
        bus.link.publish(RPC_EXCHANGE, f"{service}.{methods[0]}", b"{", dict(GOOD))
    calls = [bus.caller.send(f"{service}.{methods[0]}", {}) for service, methods in METHODS.items()]
    assert bus.caller.hears(calls, 30), "somebody is held up"
    assert monotonic() - asked < NEIGHBOURS_WITHIN
    assert bus.rpc.running


def test_headers_that_nameko_would_die_of_harm_nobody(bus: Bus) -> None:
    for service, methods in METHODS.items():
        headers = {"nameko.call_id_stack": 5, "nameko.language": [1], "x-delivery-count": "many"}
        properties = {**GOOD, "application_headers": headers}
        for method in methods:
            bus.link.publish(RPC_EXCHANGE, f"{service}.{method}", REQUEST, properties)
        assert bus.caller.hears([bus.caller.send(f"{service}.{methods[0]}", {})], 10)
    assert bus.rpc.running
