"""How the gateway is served: two processes of threads, stopped without cutting anybody off."""

import atexit
import os
import shutil
import signal
import tempfile
from types import FrameType
from typing import Any

from gateway.settings import serving

bounds = serving()
bind = os.environ.get("GATEWAY_BIND", "127.0.0.1:8000")
workers = bounds.workers
threads = bounds.threads
worker_connections = bounds.connections
backlog = bounds.backlog
worker_class = "gateway.serving.Worker"
preload_app = False  # each process makes its own broker connection: one carried over a fork breaks both
timeout = bounds.worker_timeout
graceful_timeout = bounds.graceful_timeout
keepalive = bounds.keepalive
max_requests = bounds.max_requests
max_requests_jitter = max_requests // 10
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
forwarded_allow_ips = os.environ.get("GATEWAY_FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
control_socket_disable = True
accesslog = None  # traffic.py writes a line for each request, without addresses and queries
errorlog = "-"
loglevel = "warning"

if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _folder = tempfile.mkdtemp(prefix="gateway-metrics-")
    _owner = os.getpid()

    def _remove() -> None:
        if os.getpid() == _owner:
            shutil.rmtree(_folder, ignore_errors=True)

    atexit.register(_remove)


def post_worker_init(worker: Any) -> None:
    """End open pushes as soon as the process is asked to stop, so that it need not wait for them."""
    streams = worker.wsgi.extensions["streams"]
    gunicorns = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        streams.stopping.set()
        if callable(gunicorns):
            gunicorns(number, frame)

    signal.signal(signal.SIGTERM, stop)


def worker_exit(_: Any, worker: Any) -> None:
    """Close the broker connection."""
    wsgi = getattr(worker, "wsgi", None)
    if wsgi is not None:
        wsgi.extensions["bus"].close()


def child_exit(_: Any, worker: Any) -> None:
    """Let the metrics of a process that is gone count no longer."""
    # Imported late: the library looks at PROMETHEUS_MULTIPROC_DIR when it is first imported.
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
