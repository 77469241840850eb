"""A program at the JSON API of a portal with stand-ins behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from gateway.clients.certificates import CertificatesClient
from gateway.clients.licensing import LicensingClient
from gateway.clients.orders import OrdersClient
from gateway.security.tokens import new_token
from tests.portal.fakes import principal
from tests.portal.support import Portal
from tests.portal.views import (
    StandIn,
)

SOME = UUID("01a200b1-e0ec-750f-a0b2-d64381c58c55")
"""An id; a fixed one, so that tests have the same names in every process."""


@dataclass
class Program:
    """A program with a session token of its own; it keeps no cookies."""

    portal: Portal
    token: str | None

    def call(self, method: str, path: str, *, key: str | None = None, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.portal.app.test_client(use_cookies=False).open(
            f"/api/v1{path}", method=method, headers=headers, **kwargs
        )

    def problem(self, method: str, path: str, status: int, **kwargs: Any) -> dict[str, Any]:
        """What is refused, as a problem document."""
        answer = self.call(method, path, **kwargs)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.get_data()
        body = answer.get_json()
        assert body["status"] == status
        assert body["code"]
        assert body["correlation_id"] == answer.headers["X-Correlation-Id"]
        assert answer.headers["Cache-Control"] == "no-store"
        return dict(body)

    def faults(self, method: str, path: str, **kwargs: Any) -> dict[str, str]:
        """Field → code of what is wrong."""
        return {one["field"]: one["code"] for one in self.problem(method, path, 422, **kwargs)["faults"]}


def program(portal: Portal, *roles: str, **answers: Any) -> tuple[Program, StandIn]:
    """A program of somebody with these roles, at a portal with this behaviour of all services."""
    stand_in = StandIn(**answers)
    for cls in (OrdersClient, LicensingClient, CertificatesClient):
        portal.answers(cls, stand_in)
    for name in stand_in.answers:
        setattr(portal.identity, name, getattr(stand_in, name))
    token = new_token()
    portal.identity.sign_in(token, principal(*(roles or ("manager",)), organisation_id=SOME))
    return Program(portal, token), stand_in


def operations(portal: Portal) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document: method, path with something in its places, description."""
    paths = portal.app.test_client().get("/api/v1/openapi.json").get_json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                filled = re.sub(r"\{\w*id\}", str(SOME), path.removeprefix("/api/v1"))
                yield method.upper(), re.sub(r"\{\w+\}", "some", filled), operation
