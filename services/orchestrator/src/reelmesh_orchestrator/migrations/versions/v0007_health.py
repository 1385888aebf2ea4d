"""Circuit breakers of models at accounts, what operators have switched off, and the history of both."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "breakers",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failed_submits", sa.Integer(), nullable=False),
        sa.Column("failed_jobs", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("since", sql.Instant(), nullable=True),
        sa.Column("trial_time", sql.Instant(), nullable=True),
        sa.Column("rest_until", sql.Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("blamed_generation_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "model", name="pk_breakers"),
    )
    op.create_table(
        "switches",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "account_id", "model", name="pk_switches"),
    )
    op.create_table(
        "health_events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_health_events"),
    )
    op.create_index("ix_health_events_create_time", "health_events", ["create_time"])
