"""One log line and one measurement for each request; never a query, a body or an address of a person."""

import time

from flask import Flask, Response, g, request

from libs.chassis.logging import get_logger
from libs.chassis.metrics import LATENCY_BUCKETS, Histogram

log = get_logger(__name__)
QUIET = {"static", "health.alive", "health.ready", "health.metrics"}

SECONDS = Histogram(
    "gateway_request_seconds", "Time to answer a request.", ("endpoint", "method", "status"), buckets=LATENCY_BUCKETS
)


def _start() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    endpoint = request.endpoint or "unknown"
    SECONDS.labels(endpoint, request.method, response.status_code).observe(seconds)
    if endpoint not in QUIET:
        log.info(
            "request",
            endpoint=endpoint,
            method=request.method,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
        )
    return response


def install(app: Flask) -> None:
    """Measure every request."""
    app.before_request(_start)
    app.after_request(_count)
