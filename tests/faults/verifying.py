"""What stands in the end, beside what was acknowledged: nothing may be missing, and nothing be there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import requests

from tests.faults.client import Client
from tests.faults.driver import Tokens
from tests.faults.ledger import Job, Ledger

LOST, DOUBLED, BREACH = "lost", "doubled", "breach"
PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it was acknowledged; `kind` is `lost`, `doubled` or `breach`."""

    kind: str
    what: str


def verify(ledger: Ledger, client: Client, tokens: Tokens, *, register: str, inbox: str) -> list[Finding]:
    """Compare the ledger with API, mail register (an address of its database) and mail simulator."""
    jobs = list(ledger.jobs)
    found = [*_orders(jobs, client, tokens), *_seats(jobs, client, tokens), *_people(jobs, client, tokens)]
    found += _results(jobs, client, tokens)
    found += _mails(jobs, register, inbox)
    return found


def repeated_letters(inbox: str) -> int:
    """Letters that came again under the same Message-ID: a sender that dies before it notes the sending repeats one."""
    ids = requests.get(f"{inbox}api/message-ids", timeout=20).json()
    return sum(count - 1 for count in ids.values())


def _orders(jobs: list[Job], client: Client, tokens: Tokens) -> Iterator[Finding]:
    path = f"/orders?organisation_id={tokens.organisation}"
    orders = list(_pages(client, path, tokens.manager))
    by_id = {order["id"]: order for order in orders}
    yield from _once("order", Counter(order["id"] for order in orders), {job.order_id for job in jobs if job.order_id})
    strangers = set(by_id) - {job.order_id for job in jobs}
    unknown = sum(1 for job in jobs if not job.order_id)
    if len(strangers) > unknown:
        # an order whose placing was never answered may exist; any other was placed twice
        yield Finding(kind=DOUBLED, what=f"{len(strangers) - unknown} orders stand that nobody was told of")
    invoices: Counter[str] = Counter()
    for job in jobs:
        order = by_id.get(job.order_id)
        if order is None or not job.paid:
            continue
        if order["state"] != "paid":
            yield Finding(kind=LOST, what=f"payment of order {job.order_number}: it is {order['state']}")
        if not order["invoice_number"] or not order["has_invoice"]:
            yield Finding(kind=LOST, what=f"invoice of order {job.order_number}")
        else:
            invoices[order["invoice_number"]] += 1
        if order["credit"]["amount"] != "0.00":
            yield Finding(kind=DOUBLED, what=f"payment of order {job.order_number}: credit {order['credit']['amount']}")
    yield from _once("invoice number", invoices, invoices.keys())


def _seats(jobs: list[Job], client: Client, tokens: Tokens) -> Iterator[Finding]:
    bought: Counter[str] = Counter()
    for job in jobs:
        if job.paid:
            bought.update(job.quantities)
    unsure = [job for job in jobs if job.statement_id and not job.paid]
    path = f"/organisations/{tokens.organisation}/licences"
    granted = {one["sku"]: one["granted"] for one in _get(client, path, tokens.manager)}
    for sku, seats in bought.items():
        most = seats + sum(job.quantities.get(sku, 0) for job in unsure)
        have = granted.get(sku, 0)
        if have < seats:
            yield Finding(kind=LOST, what=f"{seats - have} seats of {sku}: {seats} were bought, {have} granted")
        if have > most:
            yield Finding(kind=DOUBLED, what=f"{have - most} seats of {sku}: {most} were bought, {have} granted")
    path = f"/organisations/{tokens.organisation}/assignments"
    items = _get(client, path, tokens.manager)["items"]
    held = Counter(item["id"] for item in items)
    yield from _once("assignment", held, {job.assignment_id for job in jobs if job.assignment_id})
    of_person = Counter((item["account_id"], item["sku"]) for item in items if item["state"] != "withdrawn")
    yield from _once("seat of a person", of_person, of_person.keys())


def _people(jobs: list[Job], client: Client, tokens: Tokens) -> Iterator[Finding]:
    path = f"/organisations/{tokens.organisation}/people"
    people = Counter(person["account_id"] for person in _pages(client, path, tokens.manager))
    yield from _once("person", people, {job.account_id for job in jobs if job.account_id})


def _results(jobs: list[Job], client: Client, tokens: Tokens) -> Iterator[Finding]:
    path = f"/organisations/{tokens.organisation}/results?state=passed"
    results = list(_pages(client, path, tokens.manager))
    passed = {job.account_id for job in jobs if job.passed}
    yield from _once("passed training", Counter(one["account_id"] for one in results), passed)
    certificates = Counter(one["certificate_number"] for one in results)
    missing = certificates.pop(None, 0)
    if missing:
        yield Finding(kind=LOST, what=f"{missing} certificates of passed trainings")
    yield from _once("certificate number", certificates, certificates.keys())


_REGISTER = """
    SELECT id::text, template, state,
           CASE WHEN template IN ('proforma_issued', 'invoice_issued') THEN context->>'order_id'
                WHEN template IN ('seat_assigned', 'certificate_issued') THEN context->>'assignment_id'
                ELSE account_id::text END
    FROM mails
"""


def _mails(jobs: list[Job], register: str, inbox: str) -> Iterator[Finding]:
    """One mail of each kind in the register, and each of them at the mail simulator, known by its Message-ID."""
    with psycopg.connect(register.replace("+psycopg", "")) as connection:
        rows = connection.execute(_REGISTER).fetchall()
    queued = Counter((template, subject) for _, template, _, subject in rows)
    for template, subjects in _expected(jobs).items():
        of_template = Counter({subject: n for (kind, subject), n in queued.items() if kind == template})
        yield from _once(f"mail {template}", of_template, subjects)
    letters = requests.get(f"{inbox}api/message-ids", timeout=20).json()
    came = {message_id.strip("<>").partition("@")[0] for message_id in letters}
    for mail_id, template, state, subject in rows:
        if state == "given_up" or (state == "sent" and mail_id not in came):
            yield Finding(kind=LOST, what=f"mail {template} about {subject} is {state} and did not come")
    strangers = came - {mail_id for mail_id, *_ in rows}
    if strangers:
        yield Finding(kind=DOUBLED, what=f"{len(strangers)} letters came that no register knows")


def _expected(jobs: list[Job]) -> Mapping[str, set[str]]:
    return {
        "proforma_issued": {job.order_id for job in jobs if job.proforma},
        "invoice_issued": {job.order_id for job in jobs if job.paid},
        "account_issued": {job.account_id for job in jobs if job.account_id},
        "seat_assigned": {job.assignment_id for job in jobs if job.assignment_id},
        "certificate_issued": {job.assignment_id for job in jobs if job.passed},
    }


def _once(what: str, have: Counter[Any], wanted: Iterable[Any]) -> Iterator[Finding]:
    """Each of the wanted exactly once, and nothing at all twice."""
    for one in wanted:
        if not have[one]:
            yield Finding(kind=LOST, what=f"{what} {one}")
    for one, number in have.items():
        if number > 1:
            yield Finding(kind=DOUBLED, what=f"{what} {one}: {number} times")


def _get(client: Client, path: str, token: str) -> Any:
    answer = client.call("verify", "GET", path, token=token, patience=60)
    if answer.status_code != 200:
        raise AssertionError(f"{path} was answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()


def _pages(client: Client, path: str, token: str) -> Iterator[dict[str, Any]]:
    page_token: str | None = ""
    mark = "&" if "?" in path else "?"
    while page_token is not None:
        more = f"&page_token={page_token}" if page_token else ""
        page = _get(client, f"{path}{mark}page_size={PAGE}{more}", token)
        yield from page["items"]
        page_token = page["next_page_token"]
