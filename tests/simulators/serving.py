"""What both simulators share: a threaded HTTP server on 127.0.0.1, its probes and an orderly stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

HOST = "127.0.0.1"
log = logging.getLogger("simulators")


class QuietHandler(WSGIRequestHandler):
    """Serves without writing an access log line per poll."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        log.debug("%s %s %s", self.command, self.path, code)


class WebServer:
    """Runs a Flask application in threads; port 0 takes a free one, told by `port`."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self._server: BaseWSGIServer = make_server(HOST, port, app, threaded=True, request_handler=QuietHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="web", daemon=True)
        self.port: int = self._server.server_port

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Begins to answer in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering and gives the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()


def add_probes(app: Flask) -> None:
    """Adds `/healthz` and `/readyz`."""

    def alive() -> tuple[str, int, dict[str, str]]:
        return "ok\n", 200, {"Content-Type": "text/plain"}

    app.add_url_rule("/healthz", "healthz", alive)
    app.add_url_rule("/readyz", "readyz", alive)


def configure_logging() -> None:
    """Writes short lines to standard error; the level comes from `SIMULATOR_LOG_LEVEL`."""
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("SIMULATOR_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(name)s %(message)s",
    )


def wait_for_stop() -> None:
    """Blocks until SIGTERM or SIGINT arrives."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    stopped.wait()
