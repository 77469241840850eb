"""Prometheus metrics that every process has."""

from collections.abc import Callable, Iterator, Mapping
from math import nan

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

__all__ = ["LATENCY_BUCKETS", "REGISTRY", "Counter", "Gauge", "Gauges", "Histogram", "exposition"]


class Gauges(Collector):
    """A gauge for each value of one label, all read at once when somebody looks.

    A value that is no longer told is 0; where nothing can be told now, every known one is not a number.
    """

    def __init__(self, name: str, documentation: str, label: str) -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._known: set[str] = set()
        self._read: Callable[[], Mapping[str, float] | None] | None = None
        REGISTRY.register(self)

    def set_function(self, read: Callable[[], Mapping[str, float] | None], *, known: tuple[str, ...] = ()) -> None:
        """Let ``read`` tell the values; it answers None where it cannot. ``known`` labels are there from the start."""
        self._read = read
        self._known = set(known)

    def describe(self) -> list[GaugeMetricFamily]:
        """The name alone: reading is for those who look."""
        return [GaugeMetricFamily(self._name, self._documentation, labels=[self._label])]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What Prometheus reads."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=[self._label])
        if self._read is not None:
            told = self._read()
            self._known.update(told or ())
            for value in sorted(self._known):
                family.add_metric([value], nan if told is None else told.get(value, 0.0))
        yield family


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text form."""
    return generate_latest(REGISTRY)
