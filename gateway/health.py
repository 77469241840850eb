"""The probes: ``/healthz`` (this process answers), ``/readyz`` (it reaches the broker), ``/metrics``."""

import os

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.security.guards import guard, public
from libs.chassis.health import run_checks
from libs.chassis.metrics import exposition

health = Blueprint("health", __name__)


@health.get("/healthz")
@guard(public)
def alive() -> Response:
    """This process answers."""
    return jsonify({})


@health.get("/readyz")
@guard(public)
def ready() -> tuple[Response, int]:
    """This process can do its work: the broker is in reach and lets us publish."""
    report = run_checks({"broker": current_app.extensions["bus"].check})
    return jsonify(report), 200 if all(outcome == "ok" for outcome in report.values()) else 503


@health.get("/metrics")
@guard(public)
def metrics() -> Response:
    """Metrics of all worker processes of this gateway."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return Response(exposition(), mimetype="text/plain")
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), mimetype="text/plain")
