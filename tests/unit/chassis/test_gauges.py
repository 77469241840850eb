"""Gauges of which each value of a label is read when somebody looks."""

from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import REGISTRY, generate_latest

from libs.chassis.metrics import Gauges


@pytest.fixture
def gauges() -> Iterator[Gauges]:
    made = Gauges("test_letters", "Letters", "reason")
    yield made
    REGISTRY.unregister(made)


def shown() -> list[str]:
    return [line for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("test_letters{")]


def test_known_labels_are_there_from_the_start_and_those_told_before_stay(gauges: Gauges) -> None:
    told: list[Mapping[str, float] | None] = [{"given_up": 2.0}, {"not_json": 1.0}, None]
    gauges.set_function(lambda: told.pop(0), known=("given_up", "process_died"))

    assert shown() == ['test_letters{reason="given_up"} 2.0', 'test_letters{reason="process_died"} 0.0']
    assert shown()[:2] == ['test_letters{reason="given_up"} 0.0', 'test_letters{reason="not_json"} 1.0']
    assert [line.rpartition(" ")[2] for line in shown()] == ["NaN"] * 3


def test_nothing_is_told_before_anybody_can(gauges: Gauges) -> None:
    assert shown() == []
