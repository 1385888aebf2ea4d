"""Calls that clients repeat without a key, and generations that their owners have deleted."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table, and the column."""
    op.add_column("generations", sa.Column("delete_time", sql.Instant(), nullable=True))
    op.create_table(
        "calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("twins", sql.Json, nullable=False),
        sa.Column("update_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_update_time", "calls", ["update_time"])
