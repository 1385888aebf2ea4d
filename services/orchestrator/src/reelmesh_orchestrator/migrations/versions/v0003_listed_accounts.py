"""Accounts that an operator lists, with rates of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; what there is was made for free providers."""
    op.add_column("accounts", sa.Column("polls_per_second", sa.Double(), nullable=True))
    op.add_column("accounts", sa.Column("listed", sa.Boolean(), nullable=False, server_default=sa.false()))
