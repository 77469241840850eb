"""Accounts as identity told them, and challenges."""

import sqlalchemy as sa
from alembic import op

from libs.messaging.tables import create_tables, drop_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPEN = "state IN ('requested', 'sending', 'pending')"
STATES = (
    "'requested', 'sending', 'pending', 'approved', 'rejected', 'expired', 'withdrawn', 'missing', "
    "'unavailable', 'withheld'"
)


def upgrade() -> None:
    create_tables()
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.String()),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_table(
        "challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("sign_in_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("reported_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("transaction_id", sa.String()),
        sa.Column("thread_id", sa.String()),
        sa.Column("vendor_status", sa.Integer()),
        sa.Column("vendor_reject_reason", sa.Integer()),
        sa.Column("withdrawal_due_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawal_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_challenges"),
        sa.UniqueConstraint("sign_in_id", name="uq_challenges_sign_in_id"),
        sa.UniqueConstraint("transaction_id", name="uq_challenges_transaction_id"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_challenges_state_known")),
    )
    op.create_index(
        "uq_challenges_open_account", "challenges", ["account_id"], unique=True, postgresql_where=sa.text(OPEN)
    )
    op.create_index("ix_challenges_open_due_at", "challenges", ["due_at"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_challenges_open_expires_at", "challenges", ["expires_at"], postgresql_where=sa.text(OPEN))
    op.create_index(
        "ix_challenges_withdrawal_due_at",
        "challenges",
        ["withdrawal_due_at"],
        postgresql_where=sa.text("withdrawal_due_at IS NOT NULL"),
    )
    op.create_index("ix_challenges_account_id_created_at", "challenges", ["account_id", "created_at"])


def downgrade() -> None:
    op.drop_table("challenges")
    op.drop_table("accounts")
    drop_tables()
