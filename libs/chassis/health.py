"""A small HTTP server in every process: ``/healthz`` (the loop ticks), ``/readyz`` (it can work), ``/metrics``.

A probe is answered in time whatever hangs: what looks at this process alone is looked at in the probe's own thread;
what asks another machine is asked in a thread of its own, once for all probes, and its answer is kept a few seconds.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from libs.chassis.metrics import exposition
from libs.chassis.waits import process_waits

Check = Callable[[], None]
"""Raises where the thing it looks at does not work."""

OK, NOT_ASKED, NO_ANSWER = "ok", "unknown", "Timeout"


class HealthServer:
    """Serves the probes on ``host:port`` in a thread of its own (a green one under eventlet)."""

    def __init__(
        self,
        port: int,
        *,
        readiness: Mapping[str, Check],
        asked: Mapping[str, Check] | None = None,
        liveness: Mapping[str, Check] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """``asked`` are the checks of ``/readyz`` that ask another machine and may hang."""
        self.readiness = dict(readiness)
        self.liveness = dict(liveness or {})
        self._asked = Asked(asked or {})
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = process_waits().health_read_timeout

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, exposition(), "text/plain; version=0.0.4; charset=utf-8")
                elif self.path == "/healthz":
                    self._report(run_checks(server.liveness))
                elif self.path == "/readyz":
                    self._report(server.report())
                else:
                    self._answer(404, b"{}", "application/json")

            def _report(self, report: Mapping[str, str]) -> None:
                status = 200 if is_well(report) else 503
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

    def report(self) -> dict[str, str]:
        """What ``/readyz`` says: each part and its outcome."""
        self._asked.begin()
        return run_chain(self.readiness) | self._asked.report()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._http.shutdown()
        self._http.server_close()


class Asked:
    """Checks that ask another machine: one asks at a time, for all probes, and the answer holds for a while."""

    def __init__(self, checks: Mapping[str, Check], *, keep: float | None = None) -> None:
        """``keep``: for how many seconds any answer holds, where that is not what probes of readiness have."""
        self._checks = dict(checks)
        self._keep = keep
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._asking = False
        self._began_at = self._answered_at = 0.0
        self._report = dict.fromkeys(self._checks, NOT_ASKED)
        self._told: dict[str, str] = {}

    def begin(self) -> None:
        """Ask, unless somebody does or the last answer still holds."""
        waits = process_waits()
        with self._lock:
            usual = waits.health_keep if is_well(self._told) else waits.health_keep_bad
            keep = usual if self._keep is None else self._keep
            holds = self._told and monotonic() - self._answered_at < keep
            if not self._checks or self._asking or holds:
                return
            self._asking, self._began_at = True, monotonic()
            self._report = dict.fromkeys(self._checks, NOT_ASKED)
            self._answered.clear()
        threading.Thread(target=self._ask, name="readiness", daemon=True).start()

    def report(self) -> dict[str, str]:
        """The outcome of each; who asked and got none so far has ``Timeout``, and those behind it ``unknown``."""
        if not self._checks:
            return {}
        left = self._began_at + process_waits().health_check_timeout - monotonic()
        if self._answered.wait(max(0.0, left)):
            return dict(self._told)
        report = dict(self._report)
        return report | {next((name for name in report if report[name] == NOT_ASKED), "asking"): NO_ANSWER}

    def _ask(self) -> None:
        report = run_chain(self._checks, self._report)
        with self._lock:
            self._told, self._answered_at, self._asking = dict(report), monotonic(), False
            self._answered.set()


def run_chain(checks: Mapping[str, Check], report: dict[str, str] | None = None) -> dict[str, str]:
    """Check one after the other; what stands behind a part that fails is not known, so that only that one is named."""
    report = dict.fromkeys(checks, NOT_ASKED) if report is None else report
    for name, check in checks.items():
        report[name] = outcome_of(check)
        if report[name] != OK:
            break
    return report


def run_checks(checks: Mapping[str, Check]) -> dict[str, str]:
    """Name → outcome of every check."""
    return {name: outcome_of(check) for name, check in checks.items()}


def outcome_of(check: Check) -> str:
    """``ok`` or the kind of failure; the failure's text stays in the process."""
    try:
        check()
    except Exception as error:
        return type(error).__name__
    return OK


def is_well(report: Mapping[str, str]) -> bool:
    """Whether every part is."""
    return all(outcome == OK for outcome in report.values())
