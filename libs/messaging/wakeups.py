"""Hears PostgreSQL's NOTIFY: new rows in the outbox, and jobs that were woken."""

import threading
from collections.abc import Callable
from time import monotonic

import psycopg
from sqlalchemy import make_url

from libs.chassis.logging import get_logger
from libs.chassis.patience import PatientConnection, connection_arguments
from libs.chassis.waits import database_waits
from libs.messaging.backoff import Backoff
from libs.messaging.pulses import Pulse
from libs.messaging.tables import JOBS_CHANNEL, OUTBOX_CHANNEL

log = get_logger(__name__)


class Wakeups:
    """Listens in a thread of its own; what is lost while it is not connected, the pollers find by themselves."""

    def __init__(
        self, url: str, *, on_outbox: Callable[[], None], on_job: Callable[[str], None], on_connect: Callable[[], None]
    ) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._on_outbox = on_outbox
        self._on_job = on_job
        self._on_connect = on_connect
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakeups", daemon=True)
        self.pulse = Pulse("wakeups")
        self.pulse.of(self._thread)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self, timeout: float = 3.0) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        backoff = Backoff()
        arguments = connection_arguments(database_waits())
        while not self._stopping.is_set():
            self.pulse.beat()
            try:
                with PatientConnection.connect(self._url, autocommit=True, **arguments) as connection:
                    connection.patience = database_waits().silence
                    connection.execute(f"LISTEN {OUTBOX_CHANNEL}")
                    connection.execute(f"LISTEN {JOBS_CHANNEL}")
                    self._on_connect()
                    backoff.reset()
                    self._listen(connection)
            except psycopg.Error as error:
                log.warning("wakeups lost the database", reason=type(error).__name__)
                self._stopping.wait(backoff.next())

    def _listen(self, connection: PatientConnection) -> None:
        heard_at = monotonic()
        while not self._stopping.is_set():
            self.pulse.beat()
            if monotonic() - heard_at > database_waits().listen_check:
                connection.execute("SELECT 1")  # a server that is frozen or cut off says nothing either
                heard_at = monotonic()
            for notification in connection.notifies(timeout=1.0):
                heard_at = monotonic()
                if notification.channel == OUTBOX_CHANNEL:
                    self._on_outbox()
                else:
                    self._on_job(notification.payload)
                if self._stopping.is_set():
                    return
