"""The document of the JSON API describes every operation, and its page may do no more than it must."""

import re
from collections.abc import Iterator
from typing import Any

from tests.portal.support import Portal


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` in a part of the document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def leads_nowhere(document: dict[str, Any], reference: str) -> bool:
    """Whether nothing stands where a reference points."""
    place: Any = document
    for step in reference.removeprefix("#/").split("/"):
        place = place.get(step) if isinstance(place, dict) else None
    return place is None


def faults_of_operation(method: str, path: str, operation: dict[str, Any], shared: list[Any]) -> Iterator[str]:
    """What one operation of the document leaves open."""
    if not operation.get("summary") or not operation.get("tags"):
        yield "not described"
    answers = operation.get("responses", {})
    if "default" not in answers or not any(str(status).startswith("2") for status in answers):
        yield "answers are missing"
    if "security" not in operation:
        yield "nobody says who may ask"
    named = [(one["in"], one["name"]) for one in [*shared, *operation.get("parameters", [])]]
    if len(named) != len(set(named)):
        yield "a parameter twice"
    if set(re.findall(r"\{(\w+)\}", path)) != {name for place, name in named if place == "path"}:
        yield "parameters of the path"
    if method in {"post", "put", "delete"} and ("header", "Idempotency-Key") not in named:
        yield "no idempotency key"


def faults_of_document(document: dict[str, Any]) -> list[str]:
    """What is wrong with an OpenAPI 3.0 document; empty for a good one."""
    found = [f"no {part}" for part in ("openapi", "info", "paths") if part not in document]
    found += [f"leads nowhere: {one}" for one in references(document) if leads_nowhere(document, one)]
    for path, methods in document.get("paths", {}).items():
        shared = methods.get("parameters", [])
        for method, operation in methods.items():
            if method != "parameters":
                found += [f"{method} {path}: {fault}" for fault in faults_of_operation(method, path, operation, shared)]
    return found


def test_the_document_is_a_good_one(portal: Portal) -> None:
    answer = portal.app.test_client().get("/api/v1/openapi.json")
    described = answer.get_json()
    assert described["openapi"] == "3.0.3"
    assert faults_of_document(described) == []
    errors = described["components"]["responses"].values()
    assert {kind for error in errors for kind in error.get("content", {})} == {"application/problem+json"}


def test_a_bad_document_would_be_found() -> None:
    operation = {"responses": {"200": {"$ref": "#/components/responses/None"}}, "parameters": []}
    bad = {"openapi": "3.0.3", "paths": {"/orders/{order_id}": {"post": operation}}}
    words = " ".join(faults_of_document(bad))
    for fault in ("no info", "leads nowhere", "not described", "answers are missing", "who may ask",
                  "parameters of the path", "no idempotency key"):  # fmt: skip
        assert fault in words


def test_every_address_of_the_api_is_described(portal: Portal) -> None:
    described = portal.app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for rule in portal.app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and rule.endpoint.startswith("api_"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert method.lower() in described[path], (method, path)


def test_the_browsable_page_alone_may_show_pictures_of_its_style_sheet(portal: Portal) -> None:
    client = portal.app.test_client()
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "img-src 'self' data:;" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for path in ("/", "/api/v1/openapi.json", "/api/v1/products"):
        assert "data:" not in client.get(path).headers["Content-Security-Policy"]
