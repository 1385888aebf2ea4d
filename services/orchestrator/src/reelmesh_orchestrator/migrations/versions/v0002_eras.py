"""What is needed when the record goes back: eras, what accounts were found to have, and who has told all."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; leases say in which era their worker has told what it knows."""
    op.add_column("leases", sa.Column("counted_era", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "eras",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begin_time", sql.Instant(), nullable=False),
        sa.Column("head_time", sql.Instant(), nullable=True),
        sa.Column("end_time", sql.Instant(), nullable=True),
        sa.Column("pruned_to", sa.BigInteger(), nullable=False),
        sa.Column("lost_era_id", sa.Uuid(), nullable=True),
        sa.Column("matched_to", sa.Uuid(), nullable=True),
        sa.Column("adopted", sa.Integer(), nullable=False),
        sa.Column("freed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_eras"),
    )
    op.create_table(
        "censuses",
        sa.Column("era", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("update_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("era", "account_id", name="pk_censuses"),
    )
    op.create_table(
        "found_jobs",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("adopted_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("project", "job_id", name="pk_found_jobs"),
    )
    for name, column in (("ix_found_jobs_attempt", "attempt_id"), ("ix_found_jobs_seed", "seed")):
        op.create_index(
            name,
            "found_jobs",
            [column],
            unique=False,
            postgresql_where=sa.text("adopted_by IS NULL"),
            sqlite_where=sa.text("adopted_by IS NULL"),
        )
