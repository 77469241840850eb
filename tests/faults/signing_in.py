"""Signing in by push: name, password, the phone says yes; begun anew where a fault took the attempt away."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.faults.client import Client, NeverAnswered
from tests.faults.people import NEW_PASSWORD

PATIENCE = 300.0
"""Seconds of beginnings that lead nowhere; who is told when to come again has his answer."""
ONE_ATTEMPT = 90.0
WAITING = ("awaiting_factor", "approved")


class ToldToWait(Exception):
    """The portal sends no push for now and says when it will: so it answers after pushes that led nowhere."""


@dataclass
class Who:
    """Somebody with a login and a phone; one sign-in at a time."""

    login: str
    phone: str
    passwords: list[str]
    """The issued password until it was changed; both while nobody knows whether it was."""
    busy: threading.Lock = field(default_factory=threading.Lock)


class Office:
    """Everybody who signs in, and their phones."""

    def __init__(self, accounts: Sequence[Mapping[str, Any]], phones: str) -> None:
        self._phones = phones
        self.staff: dict[str, Who] = {}
        self.employees: list[Who] = []
        for account in accounts:
            who = Who(account["login"], account["phone"], [account["password"]])
            if who.login.startswith("employee"):
                self.employees.append(who)
            else:
                self.staff[who.login] = who

    def sign_in(self, client: Client, who: Who) -> tuple[str, int]:
        """Sign in, beginning anew as often as it takes: the session's token, and how often it had to be begun anew.

        Raises :class:`ToldToWait` where the portal gives a time before which it asks no phone.
        """
        deadline, again = time.monotonic() + PATIENCE, 0
        with who.busy:
            while True:
                token = self._attempt(client, who)
                if token:
                    return token, again
                again += 1
                if time.monotonic() > deadline:
                    raise NeverAnswered(f"{who.login} could not sign in within {PATIENCE:.0f} s")

    def once(self, client: Client, who: Who) -> str:
        """One attempt to its end, the phone saying yes where it is asked: `completed`, or how else it ended."""
        with who.busy, requests.Session() as browser:
            browser.trust_env = False
            begun = self._begin(client, browser, who)
            state, approved, deadline = str(begun["state"]), False, time.monotonic() + PATIENCE
            while state in WAITING and time.monotonic() < deadline:
                approved = approved or self._approve(who, str(begun["code"]))
                found = client.call("wait for the phone", "GET", f"/sign-ins/{begun['id']}", session=browser).json()
                if found.get("session_token"):
                    return "completed"
                state = str(found.get("state"))
                time.sleep(0.3)
            return state

    def _attempt(self, client: Client, who: Who) -> str:
        """One attempt; empty where it led nowhere."""
        with requests.Session() as browser:
            browser.trust_env = False
            begun = self._begin(client, browser, who)
            address = f"/sign-ins/{begun['id']}"
            if begun["state"] == "password_change_required":
                who.passwords = [NEW_PASSWORD, *who.passwords]
                changed = client.call(
                    "change the password", "PUT", f"{address}/password", session=browser,
                    json={"new_password": NEW_PASSWORD},
                )  # fmt: skip
                if changed.status_code != 200:
                    return ""  # it was done, and the answer was lost: begin anew with the new one
                who.passwords, begun = [NEW_PASSWORD], changed.json()
            if begun["state"] not in WAITING:
                return self._over(begun)
            return self._be_approved(client, browser, who, address, str(begun["code"]))

    def _begin(self, client: Client, browser: requests.Session, who: Who) -> dict[str, Any]:
        for password in list(who.passwords):
            credentials = {"login": who.login, "password": password}
            answer = client.call("sign in", "POST", "/sign-ins", session=browser, json=credentials)
            if answer.status_code == 201:
                return dict(answer.json())
        raise NeverAnswered(f"{who.login} is refused: {answer.status_code} {answer.text[:300]}")

    def _be_approved(self, client: Client, browser: requests.Session, who: Who, address: str, code: str) -> str:
        deadline, approved = time.monotonic() + ONE_ATTEMPT, False
        while time.monotonic() < deadline:
            approved = approved or self._approve(who, code)
            found = client.call("wait for the phone", "GET", address, session=browser).json()
            if found.get("session_token"):
                return str(found["session_token"])
            if found.get("state") not in WAITING:
                return self._over(found)
            time.sleep(0.3)
        return ""

    def _approve(self, who: Who, code: str) -> bool:
        """Look at the phone; true once the push with this code was approved."""
        try:
            pushes = requests.get(f"{self._phones}/pushes", params={"phone": who.phone, "open": "1"}, timeout=10).json()
            for push in pushes:
                if code in push["description"]:
                    address = f"{self._phones}/pushes/{push['transaction_id']}/approve"
                    return requests.post(address, json={}, timeout=10).status_code in (200, 409)
        except (requests.RequestException, ValueError):
            return False  # the phone has no network just now
        return False

    def _over(self, view: Mapping[str, Any]) -> str:
        """The attempt led nowhere; a moment later another may be begun."""
        if view.get("state") == "withheld":
            raise ToldToWait
        time.sleep(0.5)
        return ""
