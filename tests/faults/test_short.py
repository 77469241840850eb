"""The short version of `make faults`: a fault of each group, one installation, nothing lost or doubled."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from deploy.local.errors import CannotStart
from tests.faults import chance
from tests.faults.__main__ import chosen
from tests.faults.injections import Fault, all_faults
from tests.faults.running import Runner, tidy
from tests.faults.stage import Stage
from tests.faults.table import Row, table_of

SEED = 7
FAULTS = chosen(all_faults(), short=True, only=None)

# `make test-integration` runs this file by itself: the stage needs the machine's two cores
pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    """The rows so far; shown at the end as the table that they are."""
    table: list[Row] = []
    yield table
    sys.stderr.write(f"\n{table_of(table)}\n")


@pytest.fixture(scope="module")
def runner(rows: list[Row]) -> Iterator[Runner]:
    """A running installation with the main job on its way."""
    chance.begin(SEED)
    stage = Stage(short=True)
    try:
        stage.start()
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    yield Runner(stage)
    stage.close()


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_nothing_is_lost_and_nothing_is_doubled(runner: Runner, rows: list[Row], fault: Fault) -> None:
    row = runner.run(fault)
    rows.append(row)
    tidy(runner.stage)
    assert row.finished, "no job was finished"
    assert row.good, "\n".join(row.lines())


def test_the_faults_have_names_of_their_own() -> None:
    names = [fault.name for fault in all_faults()]
    assert len(set(names)) == len(names)
