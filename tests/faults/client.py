"""A good client of the API: what was not answered is asked again under the same name, until it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.faults.ledger import Ledger

PATIENCE = 300.0
"""Seconds after which a user's call counts as never answered: longer than the longest fault and the way back."""
ONE_TRY = 20.0
AGAIN = {429, 502, 503, 504}
MOST_PAUSE = 3.0


class NeverAnswered(Exception):
    """A call had no answer within all patience."""


class Stopped(Exception):
    """The run ends: nobody waits any longer."""


class Client:
    """Calls the API for one thread; `addresses` are tried in turn where several gateways run."""

    def __init__(self, addresses: Sequence[str], ledger: Ledger, stopping: threading.Event) -> None:
        self._addresses = addresses
        self._ledger = ledger
        self._stopping = stopping
        self._session = requests.Session()
        self._session.trust_env = False
        self._turn = 0

    def call(
        self,
        what: str,
        method: str,
        path: str,
        *,
        token: str = "",
        key: str = "",
        session: requests.Session | None = None,
        patience: float = PATIENCE,
        **content: Any,
    ) -> requests.Response:
        """One call, repeated until it is answered with anything but "not now"; `key` names its deed."""
        headers = {"Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        began, pause = time.monotonic(), 0.25
        while True:
            answer = self._try(session or self._session, method, path, headers, content)
            if answer is not None and answer.status_code not in AGAIN:
                if answer.status_code < 500:
                    self._ledger.call_made(what, time.monotonic() - began)
                    return answer
                # no fault may show so, but a good client tries again all the same
                self._ledger.surprise(f"{what}: answered {answer.status_code}: {answer.text[:300]}")
            if time.monotonic() - began > patience:
                self._ledger.surprise(f"{what}: no answer for {patience:.0f} s")
                raise NeverAnswered(what)
            told = _retry_after(answer.headers) if answer is not None else 0.0
            if self._stopping.wait(min(MOST_PAUSE, told or pause)):
                raise Stopped
            pause = min(pause * 1.6, MOST_PAUSE)

    def _try(
        self, session: requests.Session, method: str, path: str, headers: dict[str, str], content: dict[str, Any]
    ) -> requests.Response | None:
        began, outcome, answer = time.monotonic(), "", None
        address = self._addresses[self._turn % len(self._addresses)]
        try:
            answer = session.request(method, f"{address}/api/v1{path}", headers=headers, timeout=ONE_TRY, **content)
            outcome = str(answer.status_code)
        except requests.Timeout:
            outcome = "no answer"
        except requests.ConnectionError as error:
            outcome = "refused" if "refused" in str(error) else "cut off"
        except requests.RequestException:
            outcome = "cut off"
        if answer is None:
            self._turn += 1
        self._ledger.try_made(outcome, time.monotonic() - began)
        return answer


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0
