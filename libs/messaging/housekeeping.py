"""Deletes what messaging no longer needs, in small steps."""

import os
from datetime import timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, tuple_

from libs.messaging.dead_letters import DISCARDED, REPLAYED
from libs.messaging.jobs import Job
from libs.messaging.tables import commands, dead_letter_deeds, dead_letters, inbox, outbox
from libs.messaging.work import Work

STEP = 5_000
EVERY = timedelta(minutes=10)

KEEP_DAYS = {"outbox": 14, "inbox": 90, "commands": 7, "dead_letters": 90, "dead_letter_deeds": 365}

SETTLING = timedelta(days=1)
"""How long a letter that was given back may be on its way to all of its handlers."""


def keep_days(table: str) -> int:
    """How long rows of a table are kept; ``OUTBOX_KEEP_DAYS``, ``INBOX_KEEP_DAYS`` and so on."""
    return int(os.environ.get(f"{table.upper()}_KEEP_DAYS", KEEP_DAYS[table]))


def sweep_outbox(work: Work) -> bool:
    """Delete events published long ago."""
    return _sweep(work, outbox, outbox.c.published_at < work.now() - timedelta(days=keep_days("outbox")))


def sweep_inbox(work: Work) -> bool:
    """Delete old receipts, but none of an event whose replay would then be handled a second time."""
    letters = dead_letters.c
    settled = or_(
        letters.status == DISCARDED, and_(letters.status == REPLAYED, letters.changed_at < work.now() - SETTLING)
    )
    may_be_replayed = exists().where(letters.event_id == inbox.c.message_id, ~settled)
    old = inbox.c.handled_at < work.now() - timedelta(days=keep_days("inbox"))
    return _sweep(work, inbox, and_(old, ~may_be_replayed))


def sweep_commands(work: Work) -> bool:
    """Forget the answers of old commands."""
    return _sweep(work, commands, commands.c.created_at < work.now() - timedelta(days=keep_days("commands")))


def sweep_dead_letters(work: Work) -> bool:
    """Delete letters that were dealt with long ago, and much later what was done with them; never one that waits."""
    letters, deeds, now = dead_letters.c, dead_letter_deeds.c, work.now()
    old = letters.changed_at < now - timedelta(days=keep_days("dead_letters"))
    more = _sweep(work, dead_letters, and_(letters.status.in_((REPLAYED, DISCARDED)), old))
    ancient = deeds.done_at < now - timedelta(days=keep_days("dead_letter_deeds"))
    return _sweep(work, dead_letter_deeds, and_(ancient, ~exists().where(letters.id == deeds.letter_id))) or more


def _sweep(work: Work, table: Table, old: ColumnElement[bool]) -> bool:
    key = list(table.primary_key)
    oldest = select(*key).where(old).limit(STEP).with_for_update(skip_locked=True)
    return work.session.connection().execute(delete(table).where(tuple_(*key).in_(oldest))).rowcount == STEP


def sweep(work: Work) -> bool:
    """One step in each table; true where any has more."""
    return any([sweep_outbox(work), sweep_inbox(work), sweep_commands(work), sweep_dead_letters(work)])


JOBS = [Job("sweep_messaging", every=EVERY, run=sweep)]
