"""A signed-in read through the gateway, beside a bare nameko echo through the same kind of gateway."""

from __future__ import annotations

from itertools import repeat

from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.load import drive, request
from tests.benchmarks.seats import grant
from tests.benchmarks.table import Figure

CONNECTIONS = 16
HELD = {"microsoft-365-a3": 5, "power-bi-pro": 5}


def measure(bench: Bench) -> list[Figure]:
    """Requests a second at 16 connections, of an organisation that holds seats of two products."""
    grant(bench, HELD)
    read = request("GET", f"{bench.of_organisation}/licences", token=bench.people.manager)
    echo = request("GET", "/echo")

    def rate(port: int, asked: bytes) -> float:
        return drive(port, repeat(asked), connections=CONNECTIONS, seconds=bench.size.seconds).require(200).per_second

    figure, yardstick = by_turns(bench.size.rounds, lambda: rate(bench.port, read), lambda: rate(bench.flask, echo))
    return [
        Figure(
            what="Signed-in JSON read through the gateway",
            value=figure,
            unit="requests/s",
            yardstick=yardstick,
            yardstick_is="bare nameko echo through the same gateway process",
            least=0.6,
        )
    ]
