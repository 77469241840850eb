"""The tables every service's database holds for messaging."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

OUTBOX_CHANNEL = "outbox"
"""NOTIFY channel that wakes the relay."""

JOBS_CHANNEL = "jobs"
"""NOTIFY channel that wakes a job; the payload is its name."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sequence", BigInteger),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("published_at", DateTime(timezone=True)),
)
Index("ix_outbox_unpublished", outbox.c.position, postgresql_where=outbox.c.published_at.is_(None))
Index(
    "ix_outbox_unpublished_subject",
    outbox.c.subject,
    outbox.c.position,
    postgresql_where=outbox.c.published_at.is_(None),
)
Index("ix_outbox_published_at", outbox.c.published_at, postgresql_where=outbox.c.published_at.is_not(None))

inbox = Table(
    "inbox",
    metadata,
    Column("message_id", UUID, primary_key=True),
    Column("handler", Text, primary_key=True),
    Column("handled_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("ix_inbox_handled_at", inbox.c.handled_at)

commands = Table(
    "commands",
    metadata,
    # an id belongs to its account: two people who happen to choose the same one do not meet
    Column("account_id", Text, primary_key=True),
    Column("command_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("answer", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("ix_commands_created_at", commands.c.created_at)


dead_letters = Table(
    "dead_letters",
    metadata,
    # made of the letter itself, so that the same one is found again whenever it dies
    Column("id", UUID, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("event_id", UUID),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("handler", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_died_at", DateTime(timezone=True), nullable=False),
    Column("last_died_at", DateTime(timezone=True), nullable=False),
    Column("body", LargeBinary),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("properties", JSONB, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("replayable", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
)
Index("ix_dead_letters_status_id", dead_letters.c.status, dead_letters.c.last_died_at, dead_letters.c.id)
Index("ix_dead_letters_last_died_at_id", dead_letters.c.last_died_at, dead_letters.c.id)
Index("ix_dead_letters_event_id", dead_letters.c.event_id)

dead_letter_deeds = Table(
    "dead_letter_deeds",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("letter_id", UUID, nullable=False),
    Column("deed", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("done_at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
    # tells a death that is reported twice from a second death
    Column("death", Text),
)
Index("ix_dead_letter_deeds_letter_id", dead_letter_deeds.c.letter_id, dead_letter_deeds.c.done_at)
Index(
    "uq_dead_letter_deeds_death",
    dead_letter_deeds.c.letter_id,
    dead_letter_deeds.c.death,
    unique=True,
    postgresql_where=text("death IS NOT NULL"),
)
Index("ix_dead_letter_deeds_done_at", dead_letter_deeds.c.done_at)

_FIRST = (outbox, inbox, commands)
_DEAD_LETTERS = (dead_letters, dead_letter_deeds)


def create_tables(connection: Connection | None = None) -> None:
    """Create outbox, inbox and commands; a service's first migration calls it without arguments."""
    _create(_FIRST, connection)


def drop_tables(connection: Connection | None = None) -> None:
    """Drop the three tables again; the way down of a service's first migration."""
    _drop(_FIRST, connection)


def create_dead_letters(connection: Connection | None = None) -> None:
    """Create the dead letters and what people did with them; a migration of every service calls it."""
    _create(_DEAD_LETTERS, connection)


def drop_dead_letters(connection: Connection | None = None) -> None:
    """Drop them again; the way down of that migration."""
    _drop(_DEAD_LETTERS, connection)


def _create(tables: Sequence[Table], connection: Connection | None) -> None:
    metadata.create_all(connection or _migrating(), tables=tables, checkfirst=False)


def _drop(tables: Sequence[Table], connection: Connection | None) -> None:
    metadata.drop_all(connection or _migrating(), tables=tables, checkfirst=False)


def _migrating() -> Connection:
    from alembic import op  # the processes need the tables, not Alembic

    return op.get_bind()
