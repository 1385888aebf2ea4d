"""Which workers take no new work, and what workers say of how busy they are."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table and add the columns."""
    op.create_table(
        "cordons",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "pool", "name", name="pk_cordons"),
    )
    op.add_column("leases", sa.Column("idle", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("leases", sa.Column("drained", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("leases", sa.Column("load", sa.Integer(), nullable=False, server_default="0"))
