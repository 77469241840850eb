"""Orders placed through the API, beside a bare Flask route that inserts the same rows."""

from __future__ import annotations

import time
from itertools import repeat
from statistics import median

from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.load import drive, request
from tests.benchmarks.table import Figure
from tests.support.eventually import eventually

CONNECTIONS = 16
PATIENCE = 120.0
LINES = [{"sku": "microsoft-365-a3", "quantity": 2}, {"sku": "maintenance-15h", "quantity": 3}]


def measure(bench: Bench) -> list[Figure]:
    """Orders a second at 16 connections; their proformas and mails are made meanwhile and waited for afterwards."""
    body = {"organisation_id": str(bench.people.organisation_id), "lines": LINES}
    ours = request("POST", "/api/v1/orders", token=bench.people.manager, body=body)
    bare = request("POST", "/orders", body=body)

    until_printed: list[float] = []

    def rate(port: int, asked: bytes) -> float:
        began = time.perf_counter()
        run = drive(port, repeat(asked, bench.size.orders), connections=CONNECTIONS).require(201)
        if port == bench.port:
            eventually(lambda: not _proformas_wanted(bench), timeout=PATIENCE, every=0.1)
            until_printed.append(bench.size.orders / (time.perf_counter() - began))
        bench.installation.settle()
        return run.per_second

    figure, yardstick = by_turns(bench.size.rounds, lambda: rate(bench.port, ours), lambda: rate(bench.flask, bare))
    return [
        Figure(
            what="Orders placed, 16 connections",
            value=figure,
            unit="orders/s",
            yardstick=yardstick,
            yardstick_is="bare Flask route that inserts the same rows",
            least=0.3,
        ),
        Figure(
            what="The same until every proforma is printed",
            value=median(until_printed),
            unit="orders/s",
            note="they are printed and mailed on the same two cores from the first order on",
        ),
    ]


def _proformas_wanted(bench: Bench) -> int:
    with bench.installation.connect("orders") as orders:
        (count,) = orders.execute("SELECT count(*) FROM orders WHERE proforma_wanted").fetchone() or (0,)
    return int(count)


def place_one(bench_port: int, token: str, organisation_id: object) -> str:
    """One order like those that are measured; its number."""
    body = {"organisation_id": str(organisation_id), "lines": LINES}
    run = drive(bench_port, [request("POST", "/api/v1/orders", token=token, body=body)], connections=1).require(201)
    return str(run.answers[0].json()["number"])
