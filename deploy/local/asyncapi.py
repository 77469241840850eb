"""`docs/asyncapi.json`: the events in the words of AsyncAPI 3, with a JSON Schema for each."""

from __future__ import annotations

import json
from typing import Any, cast

from apispec.ext.marshmallow.common import make_schema_key
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema
from marshmallow.fields import Decimal, Field

from libs.contracts.base import EVENTS, schema_of
from libs.messaging.topology import exchange_of, load_contracts, source_of


def asyncapi_document() -> str:
    """The document, in one form for one state of the contracts."""
    load_contracts()
    shapes = _Shapes()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    events: dict[str, Any] = dict(EVENTS)
    for kind, event in sorted(events.items()):
        key = kind.replace(".", "_")
        messages[key] = {
            "name": kind,
            "summary": (event.__doc__ or "").strip().splitlines()[0],
            "contentType": "application/json",
            "payload": shapes.of(schema_of(event)),
        }
        channels[key] = {
            "address": kind,
            "description": f"Routing key {kind} on the topic exchange {exchange_of(kind)}.",
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": exchange_of(kind), "type": "topic"}}},
        }
        operations[key] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{key}"},
            "tags": [{"name": source_of(kind)}],
        }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Licentia's events",
            "version": "1",
            "description": "The data of each event; the envelope around it is told in events.md.",
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": shapes.components},
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Shapes:
    """JSON Schemas of the contracts, each kept once under its contract's name."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}
        # half of apispec has no types
        untyped = cast(Any, OpenAPIConverter)
        self._converter: Any = untyped("3.1.0", lambda schema: None, None)
        self._converter.resolve_nested_schema = self.of
        self._converter.add_attribute_function(_text_of_decimals)
        self._names: dict[Any, str] = {}

    def of(self, schema: Any) -> dict[str, str]:
        """A reference to the shape of a schema, which is written down when it is first met."""
        instance: Schema = schema() if isinstance(schema, type) else schema
        key = make_schema_key(instance)
        if key not in self._names:
            name = type(instance).__name__.removesuffix("Schema")
            while name in self.components:
                name += "_"
            self._names[key] = name
            self.components[name] = {}
            self.components[name] = self._converter.schema2jsonschema(instance)
        return {"$ref": f"#/components/schemas/{self._names[key]}"}


def _text_of_decimals(_converter: Any, field: Field[Any], **_kwargs: Any) -> dict[str, Any]:
    """Amounts travel as text, so that nobody makes floating point numbers of them."""
    return {"type": "string", "format": "decimal"} if isinstance(field, Decimal) else {}
