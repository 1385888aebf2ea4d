"""Alternate takes of a generation."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("generations", sa.Column("takes", sql.Json, nullable=False, server_default="[]"))
