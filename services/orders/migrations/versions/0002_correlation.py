"""What the worker finishes later stays under the id of the request that began it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEGUN_BY_A_REQUEST = ("bank_statements", "invoices", "orders")


def upgrade() -> None:
    for table in BEGUN_BY_A_REQUEST:
        op.add_column(table, sa.Column("correlation_id", sa.String(), nullable=True))


def downgrade() -> None:
    for table in BEGUN_BY_A_REQUEST:
        op.drop_column(table, "correlation_id")
