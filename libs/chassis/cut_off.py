"""Ends a conversation over a socket when its whole time is over, however diligently the other side drips bytes.

A socket's timeout bounds each read; a server that sends one byte now and then is never late by it.
"""

import contextlib
import socket
import threading


class CutOff:
    """Shuts a socket down from another thread; whoever reads there sees the end of the stream."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self.fired = False

    def guard(self, connection: socket.socket | None) -> None:
        """This is the socket to be shut; at once where the time is over already."""
        with self._lock:
            self._socket = connection
            if self.fired:
                self._shut()

    def within(self, seconds: float) -> None:
        """The conversation, or its present part, ends so many seconds from now; replaces an earlier bound."""
        self.cancel()
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """No bound any more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _fire(self) -> None:
        with self._lock:
            self.fired = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # the plain socket's own: an SSLSocket's would pull its state away under the reader's feet
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
