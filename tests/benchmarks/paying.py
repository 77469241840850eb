"""From the upload of a statement to the seats, and the import of a very large statement."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
import requests
from lxml import etree

from deploy.local.machine import HOST
from libs.chassis.operator import load_operator
from services.orders.adapters.bank_statements import OwnAccounts, read_statement
from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.installation import MEGABYTE
from tests.benchmarks.statement_files import Payment, statement_of, write_large
from tests.benchmarks.table import Figure

SKU = "power-bi-pro"
PAID_IN_LARGE = 100
LARGEST = 50 * MEGABYTE
PATIENCE = 300.0
FILE_ROUNDS = 3


def measure_visible(bench: Bench) -> list[Figure]:
    """Seconds from the upload until the organisation sees the seats, one order after another."""
    api = _Api(bench)
    took = [api.pay_and_wait(number) for number in range(bench.size.payments)]
    return [
        Figure(what="Statement uploaded → order paid → seats visible, p50", value=median(took), unit="s"),
        Figure(
            what="The same, p95",
            value=quantiles(took, n=20, method="inclusive")[-1] if len(took) > 1 else took[0],
            unit="s",
            note=f"{len(took)} rounds",
        ),
    ]


def measure_large(bench: Bench) -> list[Figure]:
    """The reader beside bare lxml, then the whole import with the memory of the process that does it."""
    api, path = _Api(bench), bench.installation.folder / "large.xml"
    payments = api.place_many(PAID_IN_LARGE)
    bench.installation.settle()
    write_large(path, payments, bench.size.entries, iban=api.iban, day=api.today)
    if path.stat().st_size >= LARGEST:
        raise AssertionError(f"the statement has {path.stat().st_size} bytes, which the portal refuses")
    read, bare = by_turns(FILE_ROUNDS, partial(_read, path, api.iban, bench.size.entries), partial(_parse, path))
    seconds, growth = _import(bench, api, path)
    size = f"{path.stat().st_size / MEGABYTE:.0f} MB"
    return [
        Figure(
            what=f"camt.053 of {bench.size.entries:,} entries, {size}: read",
            value=bench.size.entries / read,
            unit="entries/s",
            yardstick=bench.size.entries / bare,
            yardstick_is="lxml.iterparse over the same file",
            least=0.3,
        ),
        Figure(
            what="The same file: uploaded, read, kept and matched",
            value=bench.size.entries / seconds,
            unit="entries/s",
            note=f"{len(payments)} orders paid among them",
        ),
        Figure(
            what="Growth of the importing process meanwhile",
            value=growth,
            unit="MB",
            aim="< 100 MB",
            met=growth < 100,
        ),
    ]


def _read(path: Path, iban: str, entries: int) -> float:
    began = time.perf_counter()
    with path.open("rb") as file:
        count = sum(1 for _ in read_statement(file, OwnAccounts({iban: "EUR"})))
    if count != entries:
        raise AssertionError(f"{count} entries were read")
    return time.perf_counter() - began


def _parse(path: Path) -> float:
    """Bare lxml: stop at every booking, look at nothing, let it go."""
    began = time.perf_counter()
    for _, entry in etree.iterparse(str(path), tag="{*}Ntry"):
        entry.clear()
        while entry.getprevious() is not None:
            del entry.getparent()[0]
    return time.perf_counter() - began


def _import(bench: Bench, api: _Api, path: Path) -> tuple[float, float]:
    (worker,) = bench.installation.processes("orders worker")
    with _watched(worker) as memory:
        began = time.perf_counter()
        with path.open("rb") as file:
            statement = api.upload(file, path.name)
        while statement["state"] not in ("done", "failed"):
            if time.perf_counter() - began > PATIENCE:
                raise AssertionError(f"the import stood at {statement}")
            time.sleep(0.2)
            statement = api.get(f"/bank-statements/{statement['id']}", api.finance)
        took = time.perf_counter() - began
    if (statement["state"], statement["entries"], statement["matched"]) != ("done", bench.size.entries, PAID_IN_LARGE):
        raise AssertionError(f"the import ended so: {statement}")
    return took, memory.growth


@dataclass
class _Memory:
    least: int
    most: int
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def growth(self) -> float:
        return (self.most - self.least) / MEGABYTE


@contextmanager
def _watched(process: psutil.Process) -> Iterator[_Memory]:
    """Look at the process's resident memory twenty times a second."""
    size = process.memory_info().rss
    memory = _Memory(least=size, most=size)

    def watch() -> None:
        while not memory.stop.wait(0.05):
            memory.most = max(memory.most, process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.stop.set()
        thread.join()


class _Api:
    """What the manager and the clerk of the finance department do."""

    def __init__(self, bench: Bench) -> None:
        self._address = f"http://{HOST}:{bench.port}/api/v1"
        self._session = requests.Session()
        self._organisation = str(bench.people.organisation_id)
        self._manager = {"Authorization": f"Bearer {bench.people.manager}"}
        self.finance = {"Authorization": f"Bearer {bench.people.finance}"}
        self.iban = load_operator("demo").supplier.iban
        self.today = date.today()  # noqa: DTZ011  the day printed in a file, of no consequence

    def get(self, path: str, headers: dict[str, str]) -> Any:
        """An answer, read."""
        answer = self._session.get(self._address + path, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def upload(self, file: Any, name: str) -> dict[str, Any]:
        """Upload a statement."""
        answer = self._session.post(
            f"{self._address}/bank-statements", headers=self.finance, files={"file": (name, file)}, timeout=60
        )
        answer.raise_for_status()
        statement: dict[str, Any] = answer.json()
        return statement

    def place(self) -> Payment:
        """Order one seat; what has to be paid."""
        body = {"organisation_id": self._organisation, "lines": [{"sku": SKU, "quantity": 1}]}
        answer = self._session.post(f"{self._address}/orders", json=body, headers=self._manager, timeout=30)
        answer.raise_for_status()
        owed = answer.json()["payment"]
        return Payment(amount=owed["amount"]["amount"], reference=owed["reference"])

    def place_many(self, count: int) -> list[Payment]:
        """Order so many times."""
        return [self.place() for _ in range(count)]

    def seats(self) -> int:
        """How many seats the organisation sees."""
        licences = self.get(f"/organisations/{self._organisation}/licences", self._manager)
        return sum(licence["granted"] for licence in licences if licence["sku"] == SKU)

    def pay_and_wait(self, number: int) -> float:
        """Place an order, upload its payment, wait for its seat; the seconds since the upload began."""
        before, payment = self.seats(), self.place()
        content = statement_of(payment, iban=self.iban, day=self.today, name=f"BENCH-{number}")
        began = time.perf_counter()
        self.upload(io.BytesIO(content), f"statement-{number}.xml")
        while self.seats() == before:
            if time.perf_counter() - began > PATIENCE / 10:
                raise AssertionError(f"no seat came of payment {number}")
            time.sleep(0.01)
        return time.perf_counter() - began
