"""Drives the main job through the public API at a steady rate, as users with patience do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

import requests

from tests.faults.client import PATIENCE, Client, NeverAnswered, Stopped
from tests.faults.ledger import Job, Ledger
from tests.faults.people import EMPLOYEES, family_name
from tests.faults.signing_in import Office, ToldToWait, Who
from tests.support.builders.statements import Transfer, camt, mt940

TRAINING, SEATS = "induction", "power-bi-pro"
MODULES = ("how-insurance-works", "serving-customers", "cyber-security")
THREADS = 6
JOBS_PER_SECOND = 0.8
SIGN_INS_PER_JOB = 3
"""Every so many jobs somebody signs in as well."""
LOOK_FIRST, LOOK_MOST = 0.2, 1.5


class NotAsPromised(Exception):
    """The API answered what no fault excuses."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The sessions of those who work all day."""

    manager: str
    finance: str
    clerk: str
    organisation: str


class Driver:
    """A handful of threads, each at one job at a time; jobs begin by the clock, not when the last one is over."""

    def __init__(self, addresses: Sequence[str], office: Office, ledger: Ledger) -> None:
        self.addresses = list(addresses)
        """Where gateways are; a second one may be added while they are restarted."""
        self.ledger = ledger
        self.rate = JOBS_PER_SECOND
        self._office = office
        self.stopping = threading.Event()
        self._going = threading.Event()
        self._at_work = 0
        self._state = threading.Condition()
        self._next_at = 0.0
        self._employees = count()
        self._threads = [
            threading.Thread(target=self._run, name=f"driver-{number}", daemon=True) for number in range(THREADS)
        ]
        self.tokens: Tokens | None = None

    @property
    def office(self) -> Office:
        """Everybody who signs in."""
        return self._office

    # --- the day ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Sign in who works all day; jobs begin with `resume`."""
        client = self._client()
        tokens = {
            login: self._office.sign_in(client, who)[0]
            for login, who in self._office.staff.items()
            if login in ("manager", "finance", "clerk")
        }
        me = client.call("who am I", "GET", "/me", token=tokens["manager"]).json()
        self.tokens = Tokens(organisation=me["organisation_id"], **tokens)
        for thread in self._threads:
            thread.start()

    def resume(self) -> None:
        """Begin jobs from now on."""
        self._next_at = time.monotonic()
        self._going.set()

    def pause(self) -> None:
        """Begin no more jobs; those begun go on."""
        self._going.clear()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until every job that was begun is over."""
        with self._state:
            return self._state.wait_for(lambda: self._at_work == 0, seconds)

    def stop(self) -> None:
        """End all threads; whatever they wait for is given up."""
        self.stopping.set()
        self._going.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(30)

    def unfinished(self, begun_before: float) -> list[Job]:
        """Jobs begun before that moment that are neither finished nor failed."""
        return [
            job for job in self.ledger.jobs if job.begun_at < begun_before and not job.finished_at and not job.failure
        ]

    def wait_finished(self, since: int, jobs: int, seconds: float) -> bool:
        """Wait until so many of the jobs from number `since` on are finished."""
        deadline = time.monotonic() + seconds
        while sum(bool(job.finished_at) for job in self.ledger.jobs[since:]) < jobs:
            if self.stopping.wait(0.2) or time.monotonic() > deadline:
                return False
        return True

    def _client(self) -> Client:
        return Client(self.addresses, self.ledger, self.stopping)

    def _run(self) -> None:
        client = self._client()
        while not self.stopping.is_set():
            self._going.wait()
            with self._state:
                now = time.monotonic()
                due = self._next_at <= now and self._going.is_set() and not self.stopping.is_set()
                if due:
                    # a thread that comes late does not make up for what was missed
                    self._next_at = max(self._next_at + 1 / self.rate, now)
                    self._at_work += 1
            if not due:
                self.stopping.wait(0.05)
                continue
            try:
                self._work(client)
            finally:
                with self._state:
                    self._at_work -= 1
                    self._state.notify_all()

    def _work(self, client: Client) -> None:
        job = self.ledger.begin({TRAINING: 1, SEATS: 1 + len(self.ledger.jobs) % 3})
        try:
            if job.number % SIGN_INS_PER_JOB == 0:
                self._sign_in_somebody(client)
            self._do(client, job)
        except Stopped:
            return
        except (NeverAnswered, NotAsPromised) as error:
            job.failure = f"at {job.step}: {error}"
            self.ledger.surprise(f"job {job.number} {job.failure}")
        except Exception as error:
            job.failure = f"at {job.step}: {error!r}"
            self.ledger.surprise(f"job {job.number} {job.failure}")

    # --- one job ----------------------------------------------------------------------------------------------------

    def _do(self, client: Client, job: Job) -> None:
        payment = self._order(client, job)
        # who pays before the proforma is there gets none by mail
        self._see_paper(client, job, "proforma")
        self.ledger.note(job, proforma=True)
        self._pay(client, job, payment)
        self._add_person(client, job)
        self._assign(client, job)
        self._learn(client, job)
        self._see_paper(client, job, "invoice")
        job.step = "done"
        self.ledger.note(job, finished_at=time.monotonic())

    def _order(self, client: Client, job: Job) -> dict[str, Any]:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in job.quantities.items()]
        body = {"organisation_id": self._tokens.organisation, "lines": lines}
        order = self._post(client, "order", "/orders", self._tokens.manager, f"order-{job.number}", 201, json=body)
        self.ledger.note(job, order_id=order["id"], order_number=order["number"])
        return dict(order["payment"])

    def _pay(self, client: Client, job: Job, payment: dict[str, Any]) -> None:
        job.step = "pay"
        transfer = Transfer(
            amount=Decimal(payment["amount"]["amount"]),
            texts=[payment["reference"]],
            bank_reference=f"FAULTS{job.number:08d}",
        )
        make = mt940 if job.number % 4 == 3 else camt
        file = {"file": (f"statement-{job.number}.txt", make([transfer], iban=payment["iban"]))}
        upload = self._post(
            client, "upload", "/bank-statements", self._tokens.finance, f"statement-{job.number}", 202, files=file
        )
        self.ledger.note(job, statement_id=upload["id"])

        def imported() -> dict[str, Any] | None:
            found = self._get(client, "statement", f"/bank-statements/{upload['id']}", self._tokens.finance)
            if found["state"] == "failed":
                raise NotAsPromised(f"the statement failed: {found}")
            return found if found["state"] == "done" else None

        found = self._until("the statement is read", imported)
        if found["matched"] != 1:
            raise NotAsPromised(f"the statement matched {found['matched']} orders: {found}")
        order = self._get(client, "order paid", f"/orders/{job.order_id}", self._tokens.manager)
        if order["state"] != "paid":
            raise NotAsPromised(f"a matched order is {order['state']}")
        self.ledger.note(job, paid=True)

    def _add_person(self, client: Client, job: Job) -> None:
        job.step = "add a person"
        person = {
            "given_name": "Проба",
            "family_name": family_name(100_000 + job.number),
            "email": f"person{job.number}@broker.example",
            "phone": f"+35987{3_000_000 + job.number}",
        }
        path = f"/organisations/{self._tokens.organisation}/people"
        added = self._post(
            client, "add a person", path, self._tokens.manager, f"person-{job.number}", 201, json={"people": [person]}
        )
        self.ledger.note(job, account_id=added["added"][0]["account_id"])

    def _assign(self, client: Client, job: Job) -> None:
        job.step = "assign"
        path = f"/organisations/{self._tokens.organisation}/assignments"
        body = {"sku": TRAINING, "people": [{"account_id": job.account_id}]}

        def assigned() -> dict[str, Any] | None:
            answer = client.call(
                "assign", "POST", path, token=self._tokens.manager, key=f"seat-{job.number}", json=body
            )
            # seats and person are news that are still on their way
            if answer.status_code == 201 or _code(answer) not in ("not_enough_seats", "unknown_person", "not_found"):
                return _json(answer, 201)
            return None

        (seat,) = self._until("a seat is there", assigned)["items"]
        self.ledger.note(job, assignment_id=seat["id"])

    def _learn(self, client: Client, job: Job) -> None:
        """An outside learning system reports each module, by the hand of a clerk."""
        job.step = "learn"
        for code in MODULES:
            path = f"/me/trainings/{job.assignment_id}/modules/{code}/completion"

            def completed(path: str = path, code: str = code) -> dict[str, Any] | None:
                key = f"module-{job.number}-{code}"
                answer = client.call("module", "POST", path, token=self._tokens.clerk, key=key, json={"score": 90})
                return None if answer.status_code == 404 else _json(answer, 200)

            result = self._until("the training is known", completed)
        if not result["training_passed"]:
            raise NotAsPromised(f"all modules are completed and the training is not passed: {result}")
        self.ledger.note(job, passed=True)

    def _see_paper(self, client: Client, job: Job, paper: str) -> None:
        job.step = paper

        def printed() -> bool:
            order = self._get(client, "order", f"/orders/{job.order_id}", self._tokens.manager)
            return bool(order[f"has_{paper}"])

        self._until(f"the {paper} is printed", printed)

    def _sign_in_somebody(self, client: Client) -> None:
        employees: list[Who] = self._office.employees
        try:
            token, again = self._office.sign_in(client, employees[next(self._employees) % EMPLOYEES])
        except ToldToWait:
            self.ledger.told_to_wait()
            return
        self.ledger.signed_in(again=again)
        answer = client.call("sign out", "DELETE", "/session", token=token, key=f"bye-{token[:12]}")
        if answer.status_code not in (204, 401):  # 401: it was done, and the first answer was lost
            raise NotAsPromised(f"signing out was answered {answer.status_code}: {answer.text[:300]}")

    # --- tools ------------------------------------------------------------------------------------------------------

    @property
    def _tokens(self) -> Tokens:
        if self.tokens is None:
            raise RuntimeError("nobody is signed in: start() first")
        return self.tokens

    def _post(self, client: Client, what: str, path: str, token: str, key: str, status: int, **content: Any) -> Any:
        return _json(client.call(what, "POST", path, token=token, key=key, **content), status)

    def _get(self, client: Client, what: str, path: str, token: str) -> Any:
        return _json(client.call(what, "GET", path, token=token), 200)

    def _until(self, what: str, probe: Callable[[], Any]) -> Any:
        """Look again and again, as a person does who waits for news."""
        deadline, pause = time.monotonic() + PATIENCE, LOOK_FIRST
        while not (found := probe()):
            if time.monotonic() > deadline:
                raise NotAsPromised(f"{what}: not within {PATIENCE:.0f} s")
            if self.stopping.wait(pause):
                raise Stopped
            pause = min(pause * 1.4, LOOK_MOST)
        return found


def _json(answer: requests.Response, status: int) -> dict[str, Any]:
    if answer.status_code != status:
        raise NotAsPromised(
            f"{answer.request.method} {answer.request.path_url} {answer.status_code}: {answer.text[:300]}"
        )
    found: dict[str, Any] = answer.json()
    return found


def _code(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return ""
