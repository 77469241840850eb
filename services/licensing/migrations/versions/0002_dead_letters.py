"""Messages that were given up on, and what people did with them."""

from libs.messaging.tables import create_dead_letters, drop_dead_letters

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_dead_letters()


def downgrade() -> None:
    drop_dead_letters()
