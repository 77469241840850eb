"""A certificate that is printed later stays under the id of the request that earned it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificates", sa.Column("correlation_id", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("certificates", "correlation_id")
