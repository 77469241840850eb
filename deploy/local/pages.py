"""What is made from the code: the pages of docs/ on events (in prose, as AsyncAPI) and on who may call what, and the
table of subscriptions that operations reads.

python -m deploy.local.pages            write them
python -m deploy.local.pages --check    say which are stale
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_type_hints

from deploy.local.asyncapi import asyncapi_document
from deploy.local.authorisation import authorisation_page
from deploy.local.machine import ROOT
from deploy.local.postgres import SERVICES
from deploy.local.waits import waits_page
from libs.contracts.base import EVENTS
from libs.messaging.jobs import NamedHandler
from libs.messaging.topology import load_contracts, source_of

HEAD = """\
# Events

Made by `make docs` from `libs/contracts` and the services' `worker.py`; do not edit.

Each event is published on the exchange `<service>.events` (topic) under the routing key that is its type, as JSON, in
an envelope with the words of CloudEvents 1.0: `id`, `type`, `source`, `subject`, `time`, and beside them
`correlationid`, `causationid` and `sequence`. Within a version only optional fields are added; readers ignore what they
do not know. An event may come late, twice, or after a younger one: `sequence` counts the changes of its subject.
"""


def events_page() -> str:
    """All events by the service that tells them, with their fields and who hears them."""
    load_contracts()
    heard_by = _heard_by()
    parts = [HEAD]
    for service in sorted({source_of(kind) for kind in EVENTS}):
        parts.append(f"\n## {service}\n")
        for kind in sorted(one for one in EVENTS if source_of(one) == service):
            parts.append(_section(kind, EVENTS[kind], heard_by.get(kind, [])))
    return "".join(parts)


def _heard_by() -> dict[str, list[str]]:
    """Event type → `service: handler` of each subscription."""
    heard: dict[str, list[str]] = {}
    for service in SERVICES:
        subscriptions = importlib.import_module(f"services.{service}.worker").SUBSCRIPTIONS
        for event, handlers in subscriptions.items():
            for handler in handlers if isinstance(handlers, Iterable) else [handlers]:
                heard.setdefault(event.TYPE, []).append(f"{service}: `{_name(handler)}`")
    for kind in heard_by_gateway():
        heard.setdefault(kind, []).append("the gateway's pages")
    return heard


def subscriptions_table() -> str:
    """Service → event type → its handlers, by the names they have in the inbox."""
    table: dict[str, dict[str, list[str]]] = {}
    for service in SERVICES:
        subscriptions = importlib.import_module(f"services.{service}.worker").SUBSCRIPTIONS
        table[service] = {
            event.TYPE: [
                NamedHandler.of(handler).name
                for handler in (handlers if isinstance(handlers, Iterable) else [handlers])
            ]
            for event, handlers in subscriptions.items()
        }
    return json.dumps(table, indent=1, sort_keys=True) + "\n"


def heard_by_gateway() -> set[str]:
    """Event types whose classes the gateway names: it makes no events, so it names those that it waits for."""
    load_contracts()
    classes = {event.__name__: kind for kind, event in EVENTS.items()}
    named = {
        getattr(node, "id", getattr(node, "attr", ""))
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute)
    }
    return {classes[name] for name in named if name in classes}


def _name(handler: Callable[..., object]) -> str:
    module = inspect.unwrap(handler).__module__.removeprefix("services.").partition(".")[2]
    return f"{module}.{handler.__name__}"


def _section(kind: str, event: type, heard: list[str]) -> str:
    lines = [f"\n### {kind}\n", f"{inspect.cleandoc(event.__doc__ or '')}\n", "| field | type |", "|---|---|"]
    hints = get_type_hints(event)
    for field in dataclasses.fields(event):
        mark = " (subject)" if field.name == getattr(event, "SUBJECT", None) else ""
        lines.append(f"| `{field.name}`{mark} | {_type_name(hints[field.name])} |")
    lines.append(f"\nHeard by {', '.join(sorted(heard))}." if heard else "\nHeard by none of our services.")
    return "\n".join(lines) + "\n"


def _type_name(hint: object) -> str:
    plain = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    for prefix in ("libs.contracts.base.", "typing.", "datetime.", "decimal.", "uuid."):
        plain = plain.replace(prefix, "")
    for service in SERVICES:
        plain = plain.replace(f"libs.contracts.{service}.", "")
    return f"`{plain}`".replace("|", "or").replace("NoneType", "None")


PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "events.md": events_page,
    ROOT / "docs" / "asyncapi.json": asyncapi_document,
    ROOT / "docs" / "authorisation.md": authorisation_page,
    ROOT / "docs" / "waits.md": waits_page,
    ROOT / "operations" / "subscriptions.json": subscriptions_table,
}


def stale(pages: dict[Path, Callable[[], str]]) -> list[Path]:
    """Pages that say something else than the code."""
    return [path for path, make in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != make()]


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.pages")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    outdated = stale(PAGES)
    for path in outdated:
        if not given.check:
            path.write_text(PAGES[path](), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)} {'is stale: run `make docs`' if given.check else 'written'}\n")
    return 1 if given.check and outdated else 0


if __name__ == "__main__":
    raise SystemExit(main())
