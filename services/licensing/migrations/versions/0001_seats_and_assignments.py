"""Pools, seats, assignments, and what is remembered of products and people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from libs.messaging import tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UNFINISHED = sa.text("state IN ('assigned', 'begun')")


def upgrade() -> None:
    tables.create_tables()
    op.create_table(
        "products",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", JSONB(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("choose_modules", sa.Boolean(), nullable=False),
        sa.Column("minutes_required", sa.Integer(), nullable=False),
        sa.Column("hours_rule", sa.String(), nullable=False),
        sa.Column("modules", JSONB(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name="pk_products"),
        sa.UniqueConstraint("sku", name="uq_products_sku"),
    )
    op.create_table(
        "people",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_people"),
    )
    op.create_index("ix_people_organisation_id", "people", ["organisation_id"])
    op.create_table(
        "seat_pools",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seat_pools"),
        sa.UniqueConstraint("organisation_id", "product_id", name="uq_seat_pools_organisation_id_product_id"),
    )
    op.create_table(
        "grants",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("line_id", name="pk_grants"),
        sa.ForeignKeyConstraint(["pool_id"], ["seat_pools.id"], name="fk_grants_pool_id_seat_pools"),
    )
    op.create_index("ix_grants_order_id", "grants", ["order_id"])
    op.create_table(
        "seats",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("assignment_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_seats"),
        sa.UniqueConstraint("assignment_id", name="uq_seats_assignment_id"),
        sa.ForeignKeyConstraint(["pool_id"], ["seat_pools.id"], name="fk_seats_pool_id_seat_pools"),
        sa.ForeignKeyConstraint(["line_id"], ["grants.line_id"], name="fk_seats_line_id_grants"),
    )
    op.create_index(
        "ix_seats_free",
        "seats",
        ["pool_id", "valid_until", "id"],
        postgresql_where=sa.text("assignment_id IS NULL"),
    )
    op.create_index("ix_seats_pool_id_valid_until", "seats", ["pool_id", "valid_until"])
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.BigInteger(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("product_name", JSONB(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("chosen_modules", JSONB(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_by", sa.Uuid(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
        sa.ForeignKeyConstraint(["seat_id"], ["seats.id"], name="fk_assignments_seat_id_seats"),
        sa.CheckConstraint(
            "state IN ('assigned', 'begun', 'finished', 'withdrawn', 'lapsed')", name=op.f("ck_assignments_state")
        ),
    )
    op.create_foreign_key("fk_seats_assignment_id_assignments", "seats", "assignments", ["assignment_id"], ["id"])
    op.create_index(
        "uq_assignments_seat",
        "assignments",
        ["seat_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_index(
        "uq_assignments_unfinished",
        "assignments",
        ["account_id", "product_id"],
        unique=True,
        postgresql_where=UNFINISHED,
    )
    op.create_index(
        "ix_assignments_unfinished_valid_until", "assignments", ["valid_until"], postgresql_where=UNFINISHED
    )
    op.create_index("ix_assignments_organisation_id_id", "assignments", ["organisation_id", "id"])
    op.create_index("ix_assignments_account_id_id", "assignments", ["account_id", "id"])


def downgrade() -> None:
    op.drop_constraint("fk_seats_assignment_id_assignments", "seats", type_="foreignkey")
    for table in ("assignments", "seats", "grants", "seat_pools", "people", "products"):
        op.drop_table(table)
    tables.drop_tables()
