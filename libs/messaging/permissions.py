"""Who may do what on the bus: one RabbitMQ user for each service and one for the gateway, made from the topology.

A service may write to its own exchanges and answer requests; declare, read and write its own queues; and bind to the
events it subscribes to, by exactly those keys. The gateway alone may send requests; it hears answers under UUIDs that
nobody else knows, and the events in ``gateway.hearing``. Nobody but ``licentia``, which declares the topology, may
write to the default exchange, from which every queue can be reached.

RabbitMQ 3.10 checks a message's routing key against topic permissions, but neither the keys of a ``CC`` header nor
those given by dead-lettering. So nothing rests on them alone: what a service may write to is bound to nothing where
another key would do harm (see ``topology.py``), and a consumer holds an event's type against the way it came.

``python -m libs.messaging.permissions`` prints the definitions that ``rabbitmqctl import_definitions`` takes; each
user's password comes from ``<USER>_PASSWORD`` (``LICENTIA_ORDERS_PASSWORD``), or from the file that
``<USER>_PASSWORD_FILE`` names.
"""

import argparse
import hashlib
import importlib
import json
import os
import re
import secrets
import sys
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.messaging.topology import (
    LADDER,
    REPLIES,
    REPLY_KEY,
    RPC_EXCHANGE,
    exchange_of,
    own_exchanges,
    own_queues,
    whole_house,
)

OPERATOR = "licentia"
GATEWAY = "licentia_gateway"
VHOST = "licentia"
NOTHING = "^$"

_UUID = REPLY_KEY.pattern
_HASHING = "rabbit_password_hashing_sha256"


def user_of(service: str) -> str:
    """The RabbitMQ user of a service."""
    return f"licentia_{service}"


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What one user may do: three regular expressions over names, and for topic exchanges two over routing keys."""

    user: str
    configure: str
    write: str
    read: str
    topics: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Exchange → keys that may be written, keys that may be read."""


def rights_of_service(service: str, heard: Iterable[str], ladder: Sequence[float] = LADDER) -> Rights:
    """What a service may do that hears the given event types."""
    heard = set(heard)
    exchanges, queues = list(own_exchanges(service)), [queue.name for queue in own_queues(service, ladder)]
    others = {exchange_of(event_type) for event_type in heard}
    own_events = rf"^{re.escape(service)}\.[a-z0-9_]+\.v[0-9]+$"
    topics = {
        **_reading(heard),
        RPC_EXCHANGE: (NOTHING, rf"^{re.escape(service)}\.\*$"),
        REPLIES: (f"^{_UUID}$", NOTHING),
    }
    _, own_read = topics.get(f"{service}.events", (NOTHING, NOTHING))
    topics[f"{service}.events"] = (own_events, own_read)
    return Rights(
        user=user_of(service),
        configure=_names([*exchanges, *queues]),
        write=_names([*exchanges, *queues, REPLIES]),
        read=_names([*exchanges, *queues, *others, RPC_EXCHANGE]),
        topics=topics,
    )


def rights_of_gateway(services: Iterable[str], heard: Iterable[str]) -> Rights:
    """What the gateway may do that asks these services and hears the given event types."""
    heard = set(heard)
    own = rf"gateway\.(replies|hearing)\.{_UUID}"
    asked = "|".join(re.escape(service) for service in sorted(services))
    return Rights(
        user=GATEWAY,
        configure=f"^{own}$",
        write=_names([RPC_EXCHANGE], own),
        read=_names([REPLIES, *{exchange_of(event_type) for event_type in heard}], own),
        topics={
            **_reading(heard),
            RPC_EXCHANGE: (rf"^({asked})\.[a-z_]+$", NOTHING),
            REPLIES: (NOTHING, f"^{_UUID}$"),
        },
    )


def _reading(heard: set[str]) -> dict[str, tuple[str, str]]:
    exchanges = sorted({exchange_of(event_type) for event_type in heard})
    return {one: (NOTHING, _names(key for key in heard if exchange_of(key) == one)) for one in exchanges}


def _names(names: Iterable[str], *patterns: str) -> str:
    return f"^({'|'.join([*sorted(map(re.escape, set(names))), *patterns])})$"


def rights_of_house(
    heard_by: Mapping[str, set[str]] | None = None, *, ladder: Sequence[float] = LADDER
) -> list[Rights]:
    """The rights of every service and of the gateway."""
    services = whole_house() if heard_by is None else heard_by
    heard_by_gateway = importlib.import_module("gateway.hearing").HEARD
    return [
        *(rights_of_service(service, heard, ladder) for service, heard in sorted(services.items())),
        rights_of_gateway(services, heard_by_gateway),
    ]


def definitions(rights: Iterable[Rights], passwords: Mapping[str, str], *, vhost: str = VHOST) -> dict[str, Any]:
    """RabbitMQ's definitions for these users, and for the operator's where there is a password for it."""
    everything = Rights(user=OPERATOR, configure=".*", write=".*", read=".*")
    several = [*rights, *([everything] if OPERATOR in passwords else [])]
    return {
        "vhosts": [{"name": vhost}],
        "users": [
            {
                "name": one.user,
                "password_hash": password_hash(passwords[one.user]),
                "hashing_algorithm": _HASHING,
                "tags": "",
            }
            for one in several
        ],
        "permissions": [
            {"user": one.user, "vhost": vhost, "configure": one.configure, "write": one.write, "read": one.read}
            for one in several
        ],
        "topic_permissions": [
            {"user": one.user, "vhost": vhost, "exchange": exchange, "write": write, "read": read}
            for one in several
            for exchange, (write, read) in sorted(one.topics.items())
        ],
    }


def password_hash(password: str) -> str:
    """The password as RabbitMQ stores it: a salt of four bytes before its SHA-256."""
    salt = secrets.token_bytes(4)
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def read_passwords(users: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Each user's password from the environment or the file it names; raises ``LookupError`` where one is missing."""
    found: dict[str, str] = {}
    for user in users:
        variable = f"{user.upper()}_PASSWORD"
        if path := environment.get(f"{variable}_FILE"):
            found[user] = Path(path).read_text(encoding="utf-8").strip()
        else:
            found[user] = environment.get(variable, "")
        if not found[user]:
            raise LookupError(f"{variable} is not set, nor does {variable}_FILE name a file with the password")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Print the RabbitMQ definitions of all users and their permissions, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m libs.messaging.permissions", description=main.__doc__)
    parser.add_argument("--vhost", default=VHOST)
    parser.add_argument("--without-operator", action="store_true", help=f"leave out the user {OPERATOR}")
    given = parser.parse_args(argv)
    rights = rights_of_house()
    users = [one.user for one in rights] + ([] if given.without_operator else [OPERATOR])
    try:
        passwords = read_passwords(users, os.environ)
    except (LookupError, OSError) as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps(definitions(rights, passwords, vhost=given.vhost), indent=1) + "\n")


if __name__ == "__main__":
    main()
