"""The three tables every service's database holds for messaging."""

from sqlalchemy import BigInteger, Column, Connection, DateTime, Identity, Index, MetaData, Table, Text, func
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


def create_tables(connection: Connection | None = None) -> None:
    """Create outbox, inbox and commands; a service's first migration calls it without arguments."""
    metadata.create_all(connection or _migrating(), checkfirst=False)


def drop_tables(connection: Connection | None = None) -> None:
    """Drop the three tables again; the way down of a service's first migration."""
    metadata.drop_all(connection or _migrating(), checkfirst=False)


def _migrating() -> Connection:
    from alembic import op  # the processes need the tables, not Alembic

    return op.get_bind()
