"""Five hundred people of one organisation, all with passwords of their own and registered phones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from uuid import UUID

import argon2
import requests
from psycopg import sql

from deploy.local.machine import HOST, ROOT
from libs.chassis.operator import PRESETS
from tests.benchmarks.installation import Installation
from tests.support.eventually import eventually

PASSWORD = "four quiet rivers meet"
STAFF = {"manager": "+359880000001", "finance": "+359880000002"}
SEATS = """
[[products]]
sku = "{sku}"
kind = "seats"
name = {{ bg = "Проба {sku}", en = "Probe {sku}" }}
description = {{ bg = "Проба.", en = "A probe." }}
price = "1.00"
currency = "EUR"
vat_category = "S"
vat_rate = "20"
validity_months = 12
"""
PERSON = """
[[demo.accounts]]
login = "person{number}"
given_name = "Проба"
family_name = "{name}"
email = "person{number}@broker.example"
phone = "{phone}"
role = "member"
organisation = "broker"
"""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who can sign in."""

    login: str
    phone: str
    account_id: UUID


@dataclass(frozen=True, kw_only=True)
class People:
    """Everybody, and the two who are signed in."""

    everybody: list[Person]
    organisation_id: UUID
    manager: str
    """The manager's session token."""
    manager_id: UUID
    finance: str


def settle_in(installation: Installation, *, people: int, skus: list[str]) -> People:
    """Load the people and the products that the figures need into the running installation."""
    phones = {f"person{number}": f"+35988{1_000_000 + number}" for number in range(people)}
    _load(installation, phones, skus)
    for phone in phones.values():
        requests.put(f"{installation.push_app}/phones/{phone}", json={"access_code": "1234"}, timeout=10)
    with installation.connect("identity") as identity:
        # one digest for all: a check takes the same time whoever shares the password
        identity.execute("UPDATE credentials SET digest = %s, expires_at = NULL, failures = 0", [_digest_of(PASSWORD)])
        ids = dict(identity.execute("SELECT login, id FROM accounts").fetchall())
        ((organisation_id,),) = identity.execute("SELECT id FROM organisations").fetchall()
    _wait_until_known(installation, people=len(ids), skus=len(skus))
    return People(
        everybody=[Person(login=login, phone=phone, account_id=ids[login]) for login, phone in phones.items()],
        organisation_id=organisation_id,
        manager=sign_in(installation, "manager"),
        manager_id=ids["manager"],
        finance=sign_in(installation, "finance"),
    )


def sign_in(installation: Installation, login: str) -> str:
    """All the way through the API; the phone says yes at once. Returns the session token."""
    api = f"http://{HOST}:{installation.port}/api/v1/sign-ins"
    with requests.Session() as browser:
        begun = browser.post(api, json={"login": login, "password": PASSWORD}, timeout=20)
        begun.raise_for_status()
        pushes = f"{installation.push_app}/pushes"
        asked = {"phone": STAFF[login], "open": "1"}
        push = eventually(lambda: requests.get(pushes, params=asked, timeout=10).json(), timeout=30)[0]
        requests.post(f"{pushes}/{push['transaction_id']}/approve", timeout=10).raise_for_status()
        address = f"{api}/{begun.json()['id']}"
        token: str = eventually(
            lambda: browser.get(address, timeout=10).json().get("session_token"), timeout=30, every=0.2
        )
        return token


def _load(installation: Installation, phones: dict[str, str], skus: list[str]) -> None:
    preset = installation.folder / "bench.toml"
    texts = [(PRESETS / "demo.toml").read_text(encoding="utf-8")]
    texts += [SEATS.format(sku=sku) for sku in skus]
    for number, phone in enumerate(phones.values()):
        texts.append(PERSON.format(number=number, phone=phone, name=_name(number)))
    preset.write_text("".join(texts), encoding="utf-8")
    keys = installation.run / "keys"
    environment = {
        **os.environ,
        "IDENTITY_DATABASE_URL": installation.url("identity"),
        "ORDERS_DATABASE_URL": installation.url("orders"),
        "IDENTITY_SIGNING_KEY": str(keys / "principal.pem"),
        "SEALING_PUBLIC_KEY": str(keys / "notifications.public.pem"),
    }
    for service in ("identity", "orders"):
        command = [sys.executable, "-m", f"services.{service}.load", str(preset)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"loading {service} failed: {done.stderr[-2000:]}")


def _name(number: int) -> str:
    """A family name for each number: names hold no digits."""
    return "Пример" + "".join("абвгдежзий"[int(digit)] for digit in str(number))


def _digest_of(password: str) -> str:
    return argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(password)


def _wait_until_known(installation: Installation, *, people: int, skus: int) -> None:
    """The services hear of people and products by events."""
    deadline = time.monotonic() + 60
    counts = {
        "licensing": [("people", people), ("products", skus)],
        "mfa": [("accounts", people)],
    }
    for service, wanted in counts.items():
        with installation.connect(service) as connection:
            connection.autocommit = True
            for table, least in wanted:

                def known(table: str = table, least: int = least) -> bool:
                    counting = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
                    ((count,),) = connection.execute(counting).fetchall()
                    return int(count) >= least

                eventually(known, timeout=max(1, deadline - time.monotonic()))
