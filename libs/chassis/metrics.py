"""Prometheus metrics that every process has."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

__all__ = ["LATENCY_BUCKETS", "REGISTRY", "Counter", "Gauge", "Histogram", "exposition"]


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text form."""
    return generate_latest(REGISTRY)
