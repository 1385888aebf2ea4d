"""The tables about what stands in the way of new submits."""

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator.adapters.sql.tables import METADATA

# Breakers of models at accounts: a row from the first bad news on.
BREAKERS = sa.Table(
    "breakers",
    METADATA,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("failed_submits", sa.Integer, nullable=False),
    sa.Column("failed_jobs", sa.Integer, nullable=False),
    sa.Column("openings", sa.Integer, nullable=False),
    sa.Column("since", sql.Instant, nullable=True),
    sa.Column("trial_time", sql.Instant, nullable=True),
    sa.Column("rest_until", sql.Instant, nullable=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("blamed_generation_id", sa.Uuid, nullable=True),
)

# What operators have switched off: a row is there as long as it is. "" stands for any.
SWITCHES = sa.Table(
    "switches",
    METADATA,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", sql.Instant, nullable=False),
)

HEALTH_EVENTS = sa.Table(
    "health_events",
    METADATA,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("create_time", sql.Instant, nullable=False),
    sa.Index("ix_health_events_create_time", "create_time"),
)
