"""gunicorn's threads, with what overload needs: how long a request waited for a thread, and clients that stand still.

A request that waited longer than ``GATEWAY_QUEUE_WAIT`` is refused at once by ``admission.py``, which takes a
thousandth of the time of answering it: so the row in front of the threads stays as short as that wait, whatever comes,
and when the rush is over the next request finds it empty.
"""

import errno
import selectors
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from gateway.rows import note_wait
from gateway.settings import serving

_AWAY = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A client's connection, each read and write of which ends by itself."""

    queued_at = 0.0

    def init(self) -> None:
        """Begin to read a request, with less patience than gunicorn's."""
        super().init()
        self.sock.settimeout(serving().client_timeout)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A process of threads; a thread is given only to connections that have sent something."""

    def accept(self, listener: Any) -> None:
        """Take a new connection and wait for its first bytes without holding a thread."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in _AWAY:
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(client, selectors.EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def enqueue_req(self, conn: Any) -> None:
        """Put a request into the row in front of the threads."""
        conn.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request, knowing how long it waited."""
        note_wait(time.monotonic() - conn.queued_at)
        return super().handle(conn)
