"""Keeps a claimed mail for the process that is handing it over, however slow the mail server is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from libs.chassis.logging import get_logger
from libs.messaging.work import WorkFactory
from services.notifications.model.mail import QUEUED, Mail

log = get_logger(__name__)


class Hold:
    """Renews the lease of the mail in hand from a thread of its own.

    So the lease can be short, and a dead process's mail soon be somebody else's, though a mail server may take minutes
    to say yes. Nobody renews for a process that died.
    """

    def __init__(self, open_work: WorkFactory, lease: timedelta, every: float) -> None:
        self._open_work = open_work
        self._lease = lease
        self._every = every
        self._in_hand: UUID | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hold", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join(self._lease.total_seconds())

    @contextmanager
    def on(self, mail_id: UUID) -> Iterator[None]:
        """This mail is being handed over while the block lasts."""
        with self._lock:
            self._in_hand = mail_id
        try:
            yield
        finally:
            with self._lock:  # also waits for a renewal under way: afterwards the note of the outcome has the last word
                self._in_hand = None

    def renew(self) -> None:
        """Put the end of the lease off, if a mail is in hand."""
        with self._lock:
            if self._in_hand is None:
                return
            with self._open_work() as work:
                work.session.execute(
                    update(Mail)
                    .where(Mail.id == self._in_hand, Mail.state == QUEUED)
                    .values(next_attempt_at=work.now() + self._lease)
                )

    def _run(self) -> None:
        while not self._over.wait(self._every):
            try:
                self.renew()
            except SQLAlchemyError as error:
                # while the database is away nobody else can take the mail either
                log.warning("a mail's lease could not be renewed", reason=type(error).__name__)
