"""docs/waits.md: every bound on a wait or a crowd, from the settings classes that declare it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import attrs

from libs.chassis.waits import Bound
from libs.messaging import pulses, topology

HEAD = """\
# Waits

Made by `make docs` from the settings classes; do not edit. Nothing here waits for ever: each wait has a name, one
default, and a defined end. `tests/architecture/test_waits.py` is red for a call that waits without a bound. The
variable is set in the environment of the process that waits; times are in seconds.
"""

# Title, module, class; in the order in which a request meets them.
GROUPS: tuple[tuple[str, str, str], ...] = (
    ("Gateway: serving", "gateway.settings", "Serving"),
    ("Gateway: asking services", "gateway.settings", "Settings"),
    ("Processes of services", "libs.chassis.waits", "ProcessWaits"),
    ("The broker, from services", "libs.chassis.waits", "BrokerWaits"),
    ("PostgreSQL", "libs.chassis.waits", "DatabaseWaits"),
    ("identity", "services.identity.settings", "Settings"),
    ("mfa", "services.mfa.settings", "MfaSettings"),
    ("notifications", "services.notifications.settings", "NotificationsSettings"),
    ("orders", "services.orders.settings", "OrdersSettings"),
    ("certificates", "services.certificates.settings", "CertificatesSettings"),
    ("licensing", "services.licensing.settings", "LicensingSettings"),
)


def waits_page() -> str:
    """The page."""
    return "".join([HEAD, *(_section(*group) for group in GROUPS), _fixed(), PROBES])


def declared_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The settings classes of a module that declare a bound."""
    for name, value in vars(module).items():
        if isinstance(value, type) and attrs.has(value) and value.__module__ == module.__name__ and any(_bounds(value)):
            yield name, value


def bounds_of(settings: type) -> set[str]:
    """The fields of a settings class that are bounds."""
    return {
        field.name
        for field in attrs.fields(settings)
        if isinstance(getattr(field.metadata.get("environ_config"), "help", None), Bound)
    }


def _bounds(settings: type) -> Iterator[tuple[str, Any, Bound]]:
    """Variable, default and words of each bound of a settings class."""
    prefix = str(getattr(settings, "_prefix", "")).upper()
    for field in attrs.fields(settings):
        entry = field.metadata.get("environ_config")
        if entry is not None and isinstance(entry.help, Bound):
            variable = entry.name or "_".join(part for part in (prefix, field.name.upper()) if part)
            yield variable, field.default, entry.help


def _section(title: str, module: str, name: str) -> str:
    rows = [
        f"| `{variable}` | {_amount(default, words)} | {words.what} | {words.then} |"
        for variable, default, words in _bounds(getattr(importlib.import_module(module), name))
    ]
    if not rows:
        return ""
    return "\n".join(
        [f"\n## {title}\n", "| variable | default | what waits | when it ends |", "|---|---|---|---|", *rows, ""]
    )


def _amount(default: Any, words: Bound) -> str:
    value = getattr(default, "default", default)
    if words.unit == "bytes" and value % (1024 * 1024) == 0:
        return f"{value // (1024 * 1024)} MiB"
    return f"{value:g} {words.unit}".strip() if value < 1_000_000 else f"{value:,} {words.unit}".replace(",", " ")


def _fixed() -> str:
    ladder = ", ".join(f"{step:g} s" for step in topology.LADDER)
    return f"""
## Fixed, because queues are declared with them

| what waits | how long | when it ends |
|---|---|---|
| an event whose handler failed, for its next attempts | {ladder} | the next attempt; after the last a dead letter |
| a message whose process died, for the broker's patience | {topology.DELIVERY_LIMIT} deliveries | a dead letter |
| a request in a service's queue, whoever sent it | 60 s | the broker drops it |
| a thread that rests, for its next sign of life | {pulses.LONGEST_PAUSE:g} s | it gives one and rests on |
"""


PROBES = """
## Probes

| process | path | says | ask every | give it | act after |
|---|---|---|---|---|---|
| of a service | `/readyz` | broker, consumers, database, migrations | 5 s | 3 s | 2 failures |
| of a service | `/healthz` | its loop ticks, or each of its threads | 10 s | 3 s | 3 failures |
| gateway | `/readyz` | broker | 5 s | 3 s | 2 failures |
| gateway | `/healthz` | it answers | 10 s | 3 s | 3 failures |

A service's processes answer on `HEALTH_PORT`, the gateway on the port that it serves. `/readyz` answers
within 2 s, also while PostgreSQL is frozen; its questions to the database are asked once in five seconds, however often
a probe comes. At the start give each process 60 s (a startup probe on `/healthz`). Grace at the
end: 30 s, five more than `STOP_SECONDS`; for the gateway a pause of 5 s before SIGTERM, so that nobody is sent to it.
"""
