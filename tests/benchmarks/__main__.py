"""Measure the whole installation in one run and print one table.

python -m tests.benchmarks [--json FILE] [--small]

Ends with 0 also where an aim was missed; with another code where something did not work, and the figures are void.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from deploy.local.errors import CannotStart
from tests.benchmarks import backlog, ordering, paying, printing, reading, seats, signing_in
from tests.benchmarks.bench import Bench, Size
from tests.benchmarks.installation import Installation, started_twice
from tests.benchmarks.people import settle_in
from tests.benchmarks.table import Figure, table_of
from tests.benchmarks.yardsticks.rows import copy

MOST_MEMORY = 1_250
MOST_SECONDS_TO_READY = 30
MEASUREMENTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "reads": reading.measure,
    "sign-ins": signing_in.measure,
    "orders": ordering.measure,
    "seats": seats.measure,
    "payments": paying.measure_visible,
    "statements": paying.measure_large,
    "certificates": printing.measure,
    "backlog": backlog.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures into this file too")
    parser.add_argument("--small", action="store_true", help="a tenth of everything, to try the bench itself out")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="only these measurements")
    given = parser.parse_args(arguments)
    size = Size.small() if given.small else Size()
    # what the measured handlers log in this process is nobody's concern here
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        figures = _measured(size, given.only or list(MEASUREMENTS))
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    sys.stdout.write(f"\nMeasured on {machine}; medians of rounds in which figure and yardstick take turns.\n\n")
    sys.stdout.write(table_of(figures) + "\n")
    if given.json:
        report = {"machine": machine, "figures": [figure.as_data() for figure in figures]}
        given.json.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(size: Size, wanted: list[str]) -> list[Figure]:
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {line}\n")

    say("starting the installation, stopping it, starting it again")
    with started_twice() as (installation, seconds_to_ready):
        say("loading people and products")
        bench = _prepared(installation, size)
        figures = []
        for name in wanted:
            say(f"measuring {name}")
            for figure in MEASUREMENTS[name](bench):
                say("  " + "  ".join(cell for cell in figure.cells() if cell))
                figures.append(figure)
        installation.settle()
        figures += [*_memory(installation), _time_to_ready(seconds_to_ready)]
        say("stopping")
    return figures


def _prepared(installation: Installation, size: Size) -> Bench:
    """People, products, one order to copy rows from, and the bare Flask routes."""
    people = settle_in(installation, people=size.people, skus=seats.skus(size.rounds))
    os.environ["OPERATOR"] = "demo"
    os.environ["DOCUMENTS_URL"] = f"file://{installation.folder / 'printed'}"
    number = ordering.place_one(installation.port, people.manager, people.organisation_id)
    database = installation.scratch_database("orders")
    with installation.connect("orders") as source, installation.connect("orders", database) as target:
        copy(source, target, number)
    installation.run_beside("bare-nameko", ["tests.benchmarks.yardsticks.echo"], {"AMQP_URL": installation.amqp_url})
    bare = installation.url("orders", database).replace("+psycopg", "")
    flask = installation.flask_beside({"AMQP_URL": installation.amqp_url, "BENCH_DATABASE_URL": bare})
    installation.settle()
    return Bench(installation=installation, people=people, flask=flask, size=size)


def _memory(installation: Installation) -> list[Figure]:
    memory = installation.memory()
    return [
        Figure(
            what=f"Memory of all {memory.processes} product processes, at rest after all this (PSS)",
            value=memory.pss,
            unit="MB",
            aim=f"≤ {MOST_MEMORY:,} MB",
            met=memory.pss <= MOST_MEMORY,
            note=f"RSS {memory.rss:,.0f} MB",
        )
    ]


def _time_to_ready(seconds: float) -> Figure:
    return Figure(
        what="Second start until everything is ready",
        value=seconds,
        unit="s",
        aim=f"< {MOST_SECONDS_TO_READY} s",
        met=seconds < MOST_SECONDS_TO_READY,
    )


if __name__ == "__main__":
    raise SystemExit(main())
