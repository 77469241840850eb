"""A program at the API and at the bus, for what browsers cannot try or would try too slowly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import requests

from gateway.bus import Bus
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner
from tests.e2e.actors import Mailbox
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

NEW_PASSWORD = "four quiet rivers meet"
ISSUED_PASSWORD = re.compile(r"\b[a-z0-9]{4}(?:-[a-z0-9]{4}){3}\b")
BY_GATEWAY = 30


class Program:
    """Calls the API with a session token; what is wrong comes back as answers, never as exceptions."""

    def __init__(self, stack: RunningStack, token: str | None = None) -> None:
        self.address = f"{stack.urls['portal']}api/v1"
        self.token = token

    def call(self, method: str, path: str, *, key: str | None = None, **kwargs: Any) -> requests.Response:
        """Make one request."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return requests.request(method, f"{self.address}{path}", headers=headers, timeout=90, **kwargs)

    def get(self, path: str) -> Any:
        """What stands at this path."""
        answer = self.call("GET", path)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """Have something done."""
        answer = self.call("POST", path, json=body, key=key)
        assert answer.ok, answer.text
        return answer.json()

    def problem(self, method: str, path: str, status: int, **kwargs: Any) -> dict[str, Any]:
        """What is refused."""
        answer = self.call(method, path, **kwargs)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
        return dict(answer.json())

    def upload(self, content: bytes, name: str = "statement.xml", *, key: str | None = None) -> requests.Response:
        """Upload a bank statement."""
        return self.call("POST", "/bank-statements", files={"file": (name, content)}, key=key)

    def outcome(self, upload: requests.Response) -> dict[str, Any]:
        """How the import of a statement ended."""
        assert upload.status_code == 202, upload.text
        path = f"/bank-statements/{upload.json()['id']}"

        def over() -> dict[str, Any] | None:
            found = self.get(path)
            return dict(found) if found["state"] in ("done", "failed") else None

        return eventually(over, timeout=60, every=0.2) or {}


def password_is_issued(stack: RunningStack, login: str) -> bool:
    """Whether an account still waits for the change of its issued password."""
    with psycopg.connect(stack.stack.postgres.url("identity").replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT state FROM accounts WHERE login = %s", (login,)).fetchone()
    assert row is not None, login
    return bool(row[0] == "invited")


def issued_password(stack: RunningStack, email: str) -> str:
    """The first password, as its mail tells it."""
    found = ISSUED_PASSWORD.search(Mailbox(stack.urls["mail"], email).find(email, "парола").text)
    assert found is not None
    return found.group()


def approve(stack: RunningStack, phone: str, code: str) -> None:
    """Confirm the open push of this phone that shows this code, as its holder would."""
    manage = stack.urls["phone"].replace("/phone/", "/manage")

    def open_pushes() -> list[Any]:
        found = requests.get(f"{manage}/pushes", params={"phone": phone, "open": "1"}, timeout=10).json()
        return [push for push in found if code in push["description"]]

    push = eventually(open_pushes, timeout=30, every=0.1)[0]
    requests.post(f"{manage}/pushes/{push['transaction_id']}/approve", json={}, timeout=10).raise_for_status()


def sign_in(stack: RunningStack, login: str, phone: str, password: str) -> Program:
    """Sign in at the API as an account, whether or not its issued password was changed before."""
    manage = stack.urls["phone"].replace("/phone/", "/manage")
    requests.put(f"{manage}/phones/{phone}", json={}, timeout=10).raise_for_status()
    address = f"{stack.urls['portal']}api/v1/sign-ins"
    first = password_is_issued(stack, login)
    with requests.Session() as browser:
        credentials = {"login": login, "password": password if first else NEW_PASSWORD}
        begun = browser.post(address, json=credentials, timeout=BY_GATEWAY)
        assert begun.status_code == 201, begun.text
        attempt = f"{address}/{begun.json()['id']}"
        if first:
            assert begun.json()["state"] == "password_change_required"
            changed = browser.put(f"{attempt}/password", json={"new_password": NEW_PASSWORD}, timeout=BY_GATEWAY)
            assert changed.ok, changed.text
            begun = changed
        approve(stack, phone, begun.json()["code"])

        def token() -> str | None:
            found = browser.get(attempt, timeout=BY_GATEWAY).json()
            assert found["state"] in ("awaiting_factor", "approved", "completed"), found
            return str(found["session_token"]) if found["session_token"] else None

        return Program(stack, eventually(token, timeout=30, every=0.2))


def demo(stack: RunningStack, login: str) -> Program:
    """Sign in at the API as one of the demo accounts."""
    account = stack.accounts[login]
    return sign_in(stack, login, account["phone"], account["password"])


class Insider:
    """Speaks to the services over the bus as the gateway does, with any principal it likes to sign."""

    def __init__(self, stack: RunningStack) -> None:
        gateway = next(one for one in stack.stack.programs if one.name == "gateway")
        self.bus = Bus(gateway.environment["AMQP_URL"])
        self.key = (Path(stack.folder) / "keys" / "principal.pem").read_text()

    def principal(self, *roles: str, organisation_id: UUID | None = None, key: str | None = None) -> str:
        """A signed principal, by our key unless told otherwise."""
        who = Principal(
            account_id=new_id(), session_id=new_id(), organisation_id=organisation_id, roles=frozenset(roles)
        )
        return PrincipalSigner(key or self.key).sign(who)[0]

    def call(self, method: str, request: Mapping[str, Any], principal: str | None) -> Any:
        """Ask a service; raises what it refuses with."""
        headers = {"nameko.command_id": str(new_id())}
        if principal is not None:
            headers["nameko.principal"] = principal
        return self.bus.call(method, request, headers, 10)

    def close(self) -> None:
        """Leave the bus."""
        self.bus.close()
