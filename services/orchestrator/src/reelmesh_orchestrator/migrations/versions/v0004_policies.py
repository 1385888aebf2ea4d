"""Generations keep by which policy they were routed, and what they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; what there is was routed by price."""
    op.add_column("generations", sa.Column("policy", sa.Text(), nullable=False, server_default=""))
    op.add_column("generations", sa.Column("category", sa.Text(), nullable=False, server_default=""))
