"""Orders placed through the API, beside a bare Flask route that inserts the same rows."""

from __future__ import annotations

from itertools import repeat

from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.load import drive, request
from tests.benchmarks.table import Figure

CONNECTIONS = 16
LINES = [{"sku": "microsoft-365-a3", "quantity": 2}, {"sku": "maintenance-15h", "quantity": 3}]


def measure(bench: Bench) -> list[Figure]:
    """Orders a second at 16 connections; their proformas and mails are made meanwhile and waited for afterwards."""
    body = {"organisation_id": str(bench.people.organisation_id), "lines": LINES}
    ours = request("POST", "/api/v1/orders", token=bench.people.manager, body=body)
    bare = request("POST", "/orders", body=body)

    def rate(port: int, asked: bytes) -> float:
        run = drive(port, repeat(asked, bench.size.orders), connections=CONNECTIONS).require(201)
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
        )
    ]


def place_one(bench_port: int, token: str, organisation_id: object) -> str:
    """One order like those that are measured; its number."""
    body = {"organisation_id": str(organisation_id), "lines": LINES}
    run = drive(bench_port, [request("POST", "/api/v1/orders", token=token, body=body)], connections=1).require(201)
    return str(run.answers[0].json()["number"])
