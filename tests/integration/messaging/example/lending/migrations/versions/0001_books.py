"""Books, tallies, and messaging's own tables."""

import sqlalchemy as sa
from alembic import op

from libs.messaging.tables import create_dead_letters, create_tables, drop_dead_letters, drop_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_tables()
    create_dead_letters()
    op.create_table(
        "books",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("times_lent", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tallies",
        sa.Column("book_id", sa.Uuid, primary_key=True),
        sa.Column("heard", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("tallies")
    op.drop_table("books")
    drop_dead_letters()
    drop_tables()
