"""The register of mails and the people they go to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from libs.messaging import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    tables.create_tables()
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("context", JSONB(), nullable=False),
        sa.Column("attachments", JSONB(), nullable=False),
        sa.Column("sealed_secret", sa.String()),
        sa.Column("secret_expires_at", sa.DateTime(timezone=True)),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.String()),
        sa.Column("recipient", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("subject", sa.String()),
        sa.Column("text", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
        sa.UniqueConstraint("event_id", "account_id", "template", name="uq_mails_event_id_account_id_template"),
        sa.CheckConstraint("state IN ('queued', 'sent', 'given_up')", name=op.f("ck_mails_state")),
    )
    op.create_index("ix_mails_due", "mails", ["next_attempt_at", "id"], postgresql_where=sa.text("state = 'queued'"))
    op.create_index("ix_mails_state_id", "mails", ["state", "id"])
    op.create_index("ix_mails_account_id_id", "mails", ["account_id", "id"])
    op.create_index(
        "ix_mails_secret_expires_at",
        "mails",
        ["secret_expires_at"],
        postgresql_where=sa.text("sealed_secret IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("mails")
    op.drop_table("accounts")
    tables.drop_tables()
