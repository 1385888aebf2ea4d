"""The first schema."""

import sqlalchemy as sa
from alembic import op
from reelmesh_kit import sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "cards",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("card", sql.Json, nullable=False),
        sa.Column("update_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name="pk_cards"),
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("attributes", sql.Json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("generation_id", "sequence", name="uq_events_generation_id_sequence"),
    )
    op.create_index("ix_events_create_time", "events", ["create_time"], unique=False)
    op.create_table(
        "generations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("output", sql.Json, nullable=False),
        sa.Column("reference_asset_ids", sql.Json, nullable=False),
        sa.Column("pin", sa.Text(), nullable=False),
        sa.Column("labels", sql.Json, nullable=False),
        sa.Column("max_cost_micros", sa.BigInteger(), nullable=False),
        sa.Column("deadline_time", sql.Instant(), nullable=True),
        sa.Column("fallback_floor", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("seed_is_users", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("update_time", sql.Instant(), nullable=False),
        sa.Column("start_time", sql.Instant(), nullable=True),
        sa.Column("complete_time", sql.Instant(), nullable=True),
        sa.Column("cancel_time", sql.Instant(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("result", sql.Json, nullable=False),
        sa.Column("failure", sql.Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_generations"),
    )
    op.create_index(
        "ix_generations_cancelling",
        "generations",
        ["cancel_time"],
        unique=False,
        postgresql_where=sa.text("state = 'CANCELLING'"),
        sqlite_where=sa.text("state = 'CANCELLING'"),
    )
    op.create_index(
        "ix_generations_deadline",
        "generations",
        ["deadline_time"],
        unique=False,
        postgresql_where=sa.text(
            "deadline_time IS NOT NULL AND state IN ('PENDING', 'QUEUED', 'GENERATING', 'PROCESSING', 'CANCELLING')"
        ),
        sqlite_where=sa.text(
            "deadline_time IS NOT NULL AND state IN ('PENDING', 'QUEUED', 'GENERATING', 'PROCESSING', 'CANCELLING')"
        ),
    )
    op.create_index("ix_generations_list", "generations", ["tenant_id", "create_time", "id"], unique=False)
    op.create_index(
        "ix_generations_open",
        "generations",
        ["tenant_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('PENDING', 'QUEUED', 'GENERATING', 'PROCESSING', 'CANCELLING')"),
        sqlite_where=sa.text("state IN ('PENDING', 'QUEUED', 'GENERATING', 'PROCESSING', 'CANCELLING')"),
    )
    op.create_table(
        "leases",
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("renewals", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("update_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="pk_leases"),
    )
    op.create_index(
        "ix_leases_active",
        "leases",
        ["worker_id"],
        unique=False,
        postgresql_where=sa.text("active"),
        sqlite_where=sa.text("active"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_attempt", "ledger", ["attempt_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("claimed_until", sql.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_claimed_until", "outbox", ["claimed_until"], unique=False)
    op.create_table(
        "provider_jobs",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.Integer(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("end_time", sql.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("project", "job_id", name="pk_provider_jobs"),
    )
    op.create_index("ix_provider_jobs_attempt", "provider_jobs", ["attempt_id"], unique=False)
    op.create_table(
        "labels",
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_labels_generation_id"),
        sa.PrimaryKeyConstraint("generation_id", "key", name="pk_labels"),
    )
    op.create_index("ix_labels_search", "labels", ["tenant_id", "key", "value"], unique=False)
    op.create_table(
        "shots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("duration_seconds", sa.Float(), nullable=False),
        sa.Column("continues", sa.Boolean(), nullable=False),
        sa.Column("route", sql.Json, nullable=False),
        sa.Column("first_frame_asset_id", sa.Text(), nullable=False),
        sa.Column("clip_asset_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_shots_generation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shots"),
    )
    op.create_index("ix_shots_generation", "shots", ["generation_id"], unique=False)
    op.create_table(
        "steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("shot_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("send_time", sql.Instant(), nullable=False),
        sa.Column("begin_time", sql.Instant(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("clip_asset_ids", sql.Json, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", sql.Json, nullable=False),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_steps_generation_id"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
    )
    op.create_index("ix_steps_generation", "steps", ["generation_id"], unique=False)
    op.create_index(
        "ix_steps_open",
        "steps",
        ["state", "send_time"],
        unique=False,
        postgresql_where=sa.text("state IN ('SENT', 'RUNNING')"),
        sqlite_where=sa.text("state IN ('SENT', 'RUNNING')"),
    )
    op.create_index(
        "ix_steps_worker",
        "steps",
        ["worker_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('SENT', 'RUNNING')"),
        sqlite_where=sa.text("state IN ('SENT', 'RUNNING')"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("shot_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), nullable=False),
        sa.Column("rank_time", sql.Instant(), nullable=False),
        sa.Column("not_before", sql.Instant(), nullable=False),
        sa.Column("create_time", sql.Instant(), nullable=False),
        sa.Column("dispatch_time", sql.Instant(), nullable=True),
        sa.Column("dispatches", sa.Integer(), nullable=False),
        sa.Column("submit_time", sql.Instant(), nullable=True),
        sa.Column("complete_time", sql.Instant(), nullable=True),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("watcher_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("clip_asset_id", sa.Text(), nullable=False),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("retry_after_seconds", sa.Float(), nullable=False),
        sa.Column("cancel_wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["generation_id"], ["generations.id"], name="fk_attempts_generation_id"),
        sa.ForeignKeyConstraint(["shot_id"], ["shots.id"], name="fk_attempts_shot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("shot_id", "run", "ordinal", name="uq_attempts_shot_id_run_ordinal"),
    )
    op.create_index("ix_attempts_generation", "attempts", ["generation_id"], unique=False)
    op.create_index(
        "ix_attempts_in_flight",
        "attempts",
        ["account_id", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('PLANNED', 'DISPATCHED', 'SUBMITTING', 'ACCEPTED', 'INDETERMINATE')"),
        sqlite_where=sa.text("state IN ('PLANNED', 'DISPATCHED', 'SUBMITTING', 'ACCEPTED', 'INDETERMINATE')"),
    )
    op.create_index(
        "ix_attempts_jobs",
        "attempts",
        ["account_id", "create_time"],
        unique=False,
        postgresql_where=sa.text("job_id <> ''"),
        sqlite_where=sa.text("job_id <> ''"),
    )
    op.create_index(
        "ix_attempts_waiting",
        "attempts",
        ["account_id", "rank_time"],
        unique=False,
        postgresql_where=sa.text("state = 'PLANNED'"),
        sqlite_where=sa.text("state = 'PLANNED'"),
    )
    op.create_index(
        "ix_attempts_watched",
        "attempts",
        ["watcher_id", "provider"],
        unique=False,
        postgresql_where=sa.text("state IN ('PLANNED', 'DISPATCHED', 'SUBMITTING', 'ACCEPTED', 'INDETERMINATE')"),
        sqlite_where=sa.text("state IN ('PLANNED', 'DISPATCHED', 'SUBMITTING', 'ACCEPTED', 'INDETERMINATE')"),
    )
