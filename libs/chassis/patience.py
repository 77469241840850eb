"""Connections to PostgreSQL that give a silent server up."""

from typing import Any

import psycopg
from psycopg.errors import OperationalError, _WaitTimeout

from libs.chassis.waits import DatabaseWaits


class PatientConnection(psycopg.Connection[Any]):
    """A connection that gives a silent server up.

    ``statement_timeout`` is kept by the server: one that is frozen, or whose machine is, keeps nothing, and its kernel
    goes on acknowledging, so that no TCP timeout sees it either. What bounds a statement then is this clock of ours.
    """

    patience: float | None = None
    """Seconds that any one answer may take; set when the connection is made."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer; raises an ``OperationalError`` and closes the connection where none comes in time."""
        if timeout is not None or self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except OperationalError as error:
            if not self.closed and isinstance(error, _WaitTimeout):
                self.pgconn.finish()  # close() would first say goodbye to a server that does not listen
            raise


def connection_arguments(waits: DatabaseWaits) -> dict[str, Any]:
    """How libpq is told to notice a machine that is gone."""
    return {
        "connect_timeout": waits.connect_timeout,
        "tcp_user_timeout": int(waits.tcp_user_timeout * 1000),
        "keepalives_idle": waits.keepalive_idle,
        "keepalives_interval": waits.keepalive_interval,
        "keepalives_count": 3,
    }
