"""A small HTTP server in every process: ``/healthz`` (the loop ticks), ``/readyz`` (it can work), ``/metrics``."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from libs.chassis.metrics import exposition

Check = Callable[[], None]
"""Raises where the thing it looks at does not work."""


class HealthServer:
    """Serves the probes on ``host:port`` in a thread of its own (a green one under eventlet)."""

    def __init__(
        self,
        port: int,
        *,
        readiness: Mapping[str, Check],
        liveness: Mapping[str, Check] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.readiness = dict(readiness)
        self.liveness = dict(liveness or {})
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, exposition(), "text/plain; version=0.0.4; charset=utf-8")
                elif self.path == "/healthz":
                    self._report(server.liveness)
                elif self.path == "/readyz":
                    self._report(server.readiness)
                else:
                    self._answer(404, b"{}", "application/json")

            def _report(self, checks: Mapping[str, Check]) -> None:
                report = run_checks(checks)
                status = 200 if all(outcome == "ok" for outcome in report.values()) else 503
                self._answer(status, json.dumps(report).encode(), "application/json")

            def _answer(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Probes come every few seconds: not worth a line each."""

        self._http = ThreadingHTTPServer((host, port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()


def run_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """Name → ``ok`` or the kind of failure; the failure's text stays in the process."""
    report: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
            report[name] = "ok"
        except Exception as error:
            report[name] = type(error).__name__
    return report
