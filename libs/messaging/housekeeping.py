"""Deletes what messaging no longer needs, in small steps."""

import os
from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from libs.messaging.jobs import Job
from libs.messaging.tables import commands, inbox, outbox
from libs.messaging.work import Work

STEP = 5_000
EVERY = timedelta(minutes=10)

# a receipt must outlive every replay of a dead letter, or the replay would be handled a second time
KEEP_DAYS = {"outbox": 14, "inbox": 90, "commands": 7}


def keep_days(table: str) -> int:
    """How long rows of a table are kept; ``OUTBOX_KEEP_DAYS``, ``INBOX_KEEP_DAYS``, ``COMMANDS_KEEP_DAYS``."""
    return int(os.environ.get(f"{table.upper()}_KEEP_DAYS", KEEP_DAYS[table]))


def sweep_outbox(work: Work) -> bool:
    """Delete events published long ago."""
    return _sweep(work, outbox, outbox.c.published_at < work.now() - timedelta(days=keep_days("outbox")))


def sweep_inbox(work: Work) -> bool:
    """Delete old receipts."""
    return _sweep(work, inbox, inbox.c.handled_at < work.now() - timedelta(days=keep_days("inbox")))


def sweep_commands(work: Work) -> bool:
    """Forget the answers of old commands."""
    return _sweep(work, commands, commands.c.created_at < work.now() - timedelta(days=keep_days("commands")))


def _sweep(work: Work, table: Table, old: ColumnElement[bool]) -> bool:
    key = list(table.primary_key)
    oldest = select(*key).where(old).limit(STEP).with_for_update(skip_locked=True)
    return work.session.connection().execute(delete(table).where(tuple_(*key).in_(oldest))).rowcount == STEP


def sweep(work: Work) -> bool:
    """One step in each table; true where any has more."""
    return any([sweep_outbox(work), sweep_inbox(work), sweep_commands(work)])


JOBS = [Job("sweep_messaging", every=EVERY, run=sweep)]
