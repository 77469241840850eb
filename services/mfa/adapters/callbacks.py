"""The provider's callbacks: nobody signs them, so they are hints to look, never answers."""

import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from libs.chassis.logging import get_logger
from libs.chassis.metrics import Counter
from services.mfa.adapters.reading import identifier
from services.mfa.settings import MfaSettings

MOST_BYTES = 4 * 1024
PATIENCE_SECONDS = 5.0
MOST_AT_ONCE = 16

received = Counter("mfa_callbacks_total", "Callbacks received", ["outcome"])
log = get_logger("mfa.callbacks")


class CallbackReceiver:
    """Answers 204 to whoever knows the secret path, whatever is said, and passes the transaction's id on."""

    def __init__(self, *, host: str, port: int, secret: str, hint: Callable[[str], None]) -> None:
        if not secret:
            raise ValueError("callbacks need a secret path segment")
        self._http = _Server((host, port), _Handler)
        self._http.secret, self._http.hint = secret, hint
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and frees the port."""
        self._http.shutdown()
        self._http.server_close()


class Door:
    """A process's one receiver, opened when first asked for and kept open."""

    def __init__(self) -> None:
        self.receiver: CallbackReceiver | None = None

    def open(self, settings: MfaSettings, hint: Callable[[str], None]) -> None:
        """Opens the receiver, unless it is open or the settings want none."""
        if self.receiver is not None or not (settings.callback_port and settings.callback_secret):
            return
        try:
            self.receiver = CallbackReceiver(
                host=settings.callback_host, port=settings.callback_port, secret=settings.callback_secret, hint=hint
            )
        except OSError:
            # another replica on this machine has the port: its hints reach the same rows
            log.warning("the port for callbacks is taken", port=settings.callback_port)
            return
        self.receiver.start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    secret: str
    hint: Callable[[str], None]

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.places = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(address, handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE_SECONDS

    def do_POST(self) -> None:
        if not self.server.places.acquire(blocking=False):
            self._answer(503)
            return
        try:
            self._answer(self._take())
        finally:
            self.server.places.release()

    def _take(self) -> int:
        if not self._knows_secret():
            received.labels("wrong_address").inc()
            return 404
        body = self._body()
        if body is None:
            received.labels("too_long").inc()
            return 413
        _pass_on(body, self.server.hint)
        return 204

    def _knows_secret(self) -> bool:
        segments = [part for part in self.path.partition("?")[0].split("/") if part]
        return bool(segments) and hmac.compare_digest(segments[0].encode(), self.server.secret.encode())

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The path holds the secret: it is not logged."""


def _pass_on(body: bytes, hint: Callable[[str], None]) -> None:
    try:
        data = json.loads(body)
        transaction_id = identifier(data.get("transactionID")) if isinstance(data, dict) else None
        if transaction_id is None:
            received.labels("unreadable").inc()
            return
        hint(transaction_id)
        received.labels("passed_on").inc()
    except (ValueError, RecursionError):
        received.labels("unreadable").inc()
    except Exception:
        # polling finds the answer anyway; the provider must not learn of our trouble
        received.labels("failed").inc()
        log.exception("a callback could not be passed on")
