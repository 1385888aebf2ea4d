"""The tables of the orchestrator. Nobody else reads them."""

import sqlalchemy as sa
from reelmesh_kit import sql

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# What is still at work. Questions about it contain these very words: SQLite uses an index over some rows only then.
_UNENDED = "state IN ('PENDING', 'QUEUED', 'GENERATING', 'PROCESSING', 'CANCELLING')"
_UNENDED_ATTEMPT = "state IN ('PLANNED', 'DISPATCHED', 'SUBMITTING', 'ACCEPTED', 'INDETERMINATE')"
_UNENDED_STEP = "state IN ('SENT', 'RUNNING')"


_WITH_JOB = "job_id <> ''"
_CANCELLING = "state = 'CANCELLING'"


def _partial(name: str, *columns: str, where: str) -> sa.Index:
    """Return an index over the few rows that are still at work: it stays small however many have ended."""
    return sa.Index(name, *columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


GENERATIONS = sa.Table(
    "generations",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("output", sql.Json, nullable=False),
    sa.Column("reference_asset_ids", sql.Json, nullable=False),
    sa.Column("pin", sa.Text, nullable=False),
    sa.Column("labels", sql.Json, nullable=False),
    sa.Column("max_cost_micros", sa.BigInteger, nullable=False),
    sa.Column("deadline_time", sql.Instant, nullable=True),
    sa.Column("fallback_floor", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("seed_is_users", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Column("update_time", sql.Instant, nullable=False),
    sa.Column("start_time", sql.Instant, nullable=True),
    sa.Column("complete_time", sql.Instant, nullable=True),
    sa.Column("cancel_time", sql.Instant, nullable=True),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("result", sql.Json, nullable=False),
    sa.Column("failure", sql.Json, nullable=True),
    sa.Column("policy", sa.Text, nullable=False, server_default=""),
    sa.Column("category", sa.Text, nullable=False, server_default=""),
    sa.Column("delete_time", sql.Instant, nullable=True),
    sa.Column("takes", sql.Json, nullable=False, server_default="[]"),
    sa.Column("negative_prompt", sa.Text, nullable=False, server_default=""),
    sa.Column("first_frame_asset_id", sa.Text, nullable=False, server_default=""),
    sa.Column("last_frame_asset_id", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_generations_list", "tenant_id", "create_time", "id"),
    _partial("ix_generations_open", "tenant_id", where=_UNENDED),
    _partial("ix_generations_deadline", "deadline_time", where=f"deadline_time IS NOT NULL AND {_UNENDED}"),
    _partial("ix_generations_cancelling", "cancel_time", where=_CANCELLING),
)

# Calls that clients may repeat without a key, a row for each content: who decides whose repeat it is locks it.
CALLS = sa.Table(
    "calls",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("twins", sql.Json, nullable=False),
    sa.Column("update_time", sql.Instant, nullable=False),
    sa.Index("ix_calls_update_time", "update_time"),
)

LABELS = sa.Table(
    "labels",
    METADATA,
    sa.Column("generation_id", sa.Uuid, sa.ForeignKey("generations.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Index("ix_labels_search", "tenant_id", "key", "value"),
)

SHOTS = sa.Table(
    "shots",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("generation_id", sa.Uuid, sa.ForeignKey("generations.id"), nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("duration_seconds", sa.Float, nullable=False),
    sa.Column("continues", sa.Boolean, nullable=False),
    sa.Column("route", sql.Json, nullable=False),
    sa.Column("first_frame_asset_id", sa.Text, nullable=False),
    sa.Column("clip_asset_id", sa.Text, nullable=False),
    sa.Index("ix_shots_generation", "generation_id"),
)

ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("generation_id", sa.Uuid, sa.ForeignKey("generations.id"), nullable=False),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("shot_id", sa.Uuid, sa.ForeignKey("shots.id"), nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("price_micros", sa.BigInteger, nullable=False),
    sa.Column("held_micros", sa.BigInteger, nullable=False),
    sa.Column("spent_micros", sa.BigInteger, nullable=False),
    sa.Column("rank_time", sql.Instant, nullable=False),
    sa.Column("not_before", sql.Instant, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Column("dispatch_time", sql.Instant, nullable=True),
    sa.Column("dispatches", sa.Integer, nullable=False),
    sa.Column("submit_time", sql.Instant, nullable=True),
    sa.Column("complete_time", sql.Instant, nullable=True),
    sa.Column("worker_id", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("watcher_id", sa.Text, nullable=False),
    sa.Column("job_id", sa.Text, nullable=False),
    sa.Column("clip_asset_id", sa.Text, nullable=False),
    sa.Column("ending", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("retry_after_seconds", sa.Float, nullable=False),
    sa.Column("cancel_wanted", sa.Boolean, nullable=False),
    sa.UniqueConstraint("shot_id", "run", "ordinal"),
    sa.Index("ix_attempts_generation", "generation_id"),
    _partial("ix_attempts_jobs", "account_id", "create_time", where=_WITH_JOB),
    _partial("ix_attempts_waiting", "account_id", "rank_time", where="state = 'PLANNED'"),
    _partial("ix_attempts_in_flight", "account_id", "state", where=_UNENDED_ATTEMPT),
    _partial("ix_attempts_watched", "watcher_id", "provider", where=_UNENDED_ATTEMPT),
)

STEPS = sa.Table(
    "steps",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("generation_id", sa.Uuid, sa.ForeignKey("generations.id"), nullable=False),
    sa.Column("shot_id", sa.Uuid, nullable=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("send_time", sql.Instant, nullable=False),
    sa.Column("begin_time", sql.Instant, nullable=True),
    sa.Column("sends", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("clip_asset_ids", sql.Json, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("worker_id", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("result", sql.Json, nullable=False),
    sa.Index("ix_steps_generation", "generation_id"),
    _partial("ix_steps_open", "state", "send_time", where=_UNENDED_STEP),
    _partial("ix_steps_worker", "worker_id", where=_UNENDED_STEP),
)

# Append-only facts: what providers were found to have, whoever said so.
PROVIDER_JOBS = sa.Table(
    "provider_jobs",
    METADATA,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("attempt_id", sa.Uuid, nullable=False),
    sa.Column("evidence", sa.Integer, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, nullable=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("end_time", sql.Instant, nullable=True),
    sa.Index("ix_provider_jobs_attempt", "attempt_id"),
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("generation_id", sa.Uuid, nullable=False),
    sa.Column("attempt_id", sa.Uuid, nullable=False),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount_micros", sa.BigInteger, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Index("ix_ledger_attempt", "attempt_id"),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    # A plain INTEGER PRIMARY KEY is what SQLite counts up by itself.
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("tenant_id", sa.Text, nullable=False),
    sa.Column("generation_id", sa.Uuid, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("attributes", sql.Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.UniqueConstraint("generation_id", "sequence"),
    sa.Index("ix_events_create_time", "create_time"),
)

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    # Until then the publisher that claimed it is believed to be at it.
    sa.Column("claimed_until", sql.Instant, nullable=False),
    sa.Index("ix_outbox_claimed_until", "claimed_until"),
)

CARDS = sa.Table(
    "cards",
    METADATA,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("card", sql.Json, nullable=False),
    sa.Column("update_time", sql.Instant, nullable=False),
)

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("exclusive", sa.Boolean, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("polls_per_second", sa.Double, nullable=True),
    sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.false()),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("worker_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("pool", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("renewals", sa.BigInteger, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("update_time", sql.Instant, nullable=False),
    # The last era in which it told everything that it knows.
    sa.Column("counted_era", sa.Text, nullable=False, server_default=""),
    sa.Column("idle", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("drained", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("load", sa.Integer, nullable=False, server_default="0"),
    _partial("ix_leases_active", "worker_id", where="active"),
)

# Workers that take no new work, by the name of their process; those of which the time is over do.
CORDONS = sa.Table(
    "cordons",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("pool", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("until", sql.Instant, nullable=False),
)

# The stretches of this record's life in which it did not go back; the last one is the present.
ERAS = sa.Table(
    "eras",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Uuid, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("begin_time", sql.Instant, nullable=False),
    sa.Column("head_time", sql.Instant, nullable=True),
    sa.Column("end_time", sql.Instant, nullable=True),
    sa.Column("pruned_to", sa.BigInteger, nullable=False),
    sa.Column("lost_era_id", sa.Uuid, nullable=True),
    sa.Column("matched_to", sa.Uuid, nullable=True),
    sa.Column("adopted", sa.Integer, nullable=False),
    sa.Column("freed", sa.Integer, nullable=False),
)

CENSUSES = sa.Table(
    "censuses",
    METADATA,
    sa.Column("era", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("jobs", sa.Integer, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("update_time", sql.Instant, nullable=False),
)

# Jobs that nobody knew when accounts were looked through; those that nobody has adopted are orphans.
FOUND_JOBS = sa.Table(
    "found_jobs",
    METADATA,
    sa.Column("project", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("evidence", sa.Integer, nullable=False),
    sa.Column("attempt_id", sa.Uuid, nullable=True),
    sa.Column("seed", sa.BigInteger, nullable=True),
    sa.Column("era", sa.Integer, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Column("adopted_by", sa.Uuid, nullable=True),
    _partial("ix_found_jobs_attempt", "attempt_id", where="adopted_by IS NULL"),
    _partial("ix_found_jobs_seed", "seed", where="adopted_by IS NULL"),
)


def _moving(
    table: sa.Table, *fixed: str, guarded: tuple[str, ...] = (), kept: frozenset[str] = frozenset()
) -> sql.Update:
    """Return the update of every column that is not fixed once its row is written."""
    changing = tuple(column.name for column in table.columns if column.name not in fixed)
    return sql.Update(table, changing, guarded, kept)


UNENDED = sa.text(f"generations.{_UNENDED}")
CANCELLING = sa.text(f"generations.{_CANCELLING}")
UNENDED_ATTEMPT = sa.text(f"attempts.{_UNENDED_ATTEMPT}")
WITH_JOB = sa.text(f"attempts.{_WITH_JOB}")
UNENDED_STEP = sa.text(f"steps.{_UNENDED_STEP}")

# What a decision writes anew of rows that are there; the revision fences it.
MOVED_GENERATION = _moving(
    GENERATIONS,
    *("id", "tenant_id", "user_id", "prompt", "output", "reference_asset_ids", "pin", "labels", "max_cost_micros"),
    *("deadline_time", "fallback_floor", "seed", "seed_is_users", "priority", "request_id", "fingerprint"),
    *("traceparent", "create_time", "negative_prompt", "first_frame_asset_id", "last_frame_asset_id"),
    guarded=("revision",),
)
MOVED_SHOT = _moving(SHOTS, "id", "generation_id", "ordinal", "prompt", "duration_seconds", "continues")
# Who watches an attempt changes under leases too, without a revision: a decision that does not speak of it keeps it.
MOVED_ATTEMPT = _moving(
    ATTEMPTS,
    *("id", "generation_id", "tenant_id", "shot_id", "run", "ordinal", "account_id", "provider", "model"),
    *("create_time", "rank_time", "price_micros"),
    kept=frozenset({"watcher_id"}),
)
# A job was found at another account than the row says: the row goes there.
MOVED_ATTEMPT_ELSEWHERE = _moving(
    ATTEMPTS,
    *("id", "generation_id", "tenant_id", "shot_id", "run", "ordinal", "create_time", "rank_time"),
    kept=frozenset({"watcher_id"}),
)
MOVED_STEP = _moving(STEPS, "id", "generation_id", "shot_id", "kind", "run", "ordinal", "clip_asset_ids")
CLAIMED_JOB = sql.Update(PROVIDER_JOBS, ("attempt_id", "evidence"), guarded=("attempt_id", "evidence"))
# Fenced by the revision of the attempt's generation, beside which it is written.
ENDED_JOB = sql.Update(PROVIDER_JOBS, ("outcome", "cost_micros", "message", "end_time"))
