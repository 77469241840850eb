"""Bare Flask routes under the gateway's own gunicorn configuration.

`/echo` asks the bare nameko service over the gateway's bus client; `/orders` inserts the rows of an order.

gunicorn -c gateway/gunicorn.conf.py tests.benchmarks.yardsticks.wsgi:app
"""

from __future__ import annotations

import os
import threading
from typing import Any

import psycopg
from flask import Flask, Response, jsonify, request

from gateway.bus import Bus
from gateway.streams import Streams
from tests.benchmarks.yardsticks.echo import SERVICE
from tests.benchmarks.yardsticks.rows import OrderRows

ASKED = {"organisation_id": "01890a5d-ac96-774b-bcce-b302099a8057"}

bus = Bus(os.environ["AMQP_URL"])
bus.start()
app = Flask(__name__)
app.extensions.update(bus=bus, streams=Streams(0))  # what gunicorn.conf.py looks for
_own = threading.local()


def _connection() -> psycopg.Connection[Any]:
    """One connection for each thread, opened once."""
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"])
        _own.rows = OrderRows.read(_own.connection)
        _own.connection.commit()
    connection: psycopg.Connection[Any] = _own.connection
    return connection


@app.get("/readyz")
def ready() -> str:
    """Whether it can be driven."""
    bus.check()
    return "ready"


@app.get("/echo")
def echo() -> Response:
    """A question to the bare nameko service and back."""
    return jsonify(bus.call(f"{SERVICE}.echo", ASKED, {}, 5.0))


@app.post("/orders")
def place() -> tuple[Response, int]:
    """Insert what an order leaves behind, in one transaction."""
    wanted = request.get_json()
    connection = _connection()
    with connection.transaction(), connection.cursor() as cursor:
        number = _own.rows.insert(cursor)
    return jsonify({"number": number, "lines": len(wanted["lines"])}), 201
