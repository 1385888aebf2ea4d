"""The index of all writes."""

import sqlalchemy
from alembic import op
from reelmesh_kit import sql

revision = "0001"
down_revision = None

_STORED = sqlalchemy.text("state = 'STORED'")
_EXPIRING = sqlalchemy.text("state = 'STORED' AND expires_at IS NOT NULL")
_UNSETTLED = sqlalchemy.text("state <> 'STORED'")


def upgrade() -> None:
    """Make the table and what is searched by."""
    op.create_table(
        "storage_writes",
        sqlalchemy.Column("write_id", sqlalchemy.Uuid, primary_key=True),
        sqlalchemy.Column("asset_id", sqlalchemy.Uuid, nullable=False),
        sqlalchemy.Column("key", sqlalchemy.Text, nullable=False, unique=True),
        sqlalchemy.Column("state", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("changed_at", sql.Instant, nullable=False),
        sqlalchemy.Column("tenant_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("user_id", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("kind", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("content_type", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("generation_id", sqlalchemy.Uuid, nullable=True),
        sqlalchemy.Column("name", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("size_bytes", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("sha256", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("width", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("height", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("duration_seconds", sqlalchemy.Double, nullable=False),
        sqlalchemy.Column("created_at", sql.Instant, nullable=False),
        sqlalchemy.Column("expires_at", sql.Instant, nullable=True),
    )
    # Of all writes of an asset, one may be stored.
    op.create_index(
        "storage_writes_stored",
        "storage_writes",
        ["asset_id"],
        unique=True,
        postgresql_where=_STORED,
        sqlite_where=_STORED,
    )
    op.create_index("storage_writes_asset", "storage_writes", ["asset_id"])
    op.create_index(
        "storage_writes_expiring",
        "storage_writes",
        ["expires_at"],
        postgresql_where=_EXPIRING,
        sqlite_where=_EXPIRING,
    )
    op.create_index(
        "storage_writes_unsettled",
        "storage_writes",
        ["state", "changed_at"],
        postgresql_where=_UNSETTLED,
        sqlite_where=_UNSETTLED,
    )
    op.create_index("storage_writes_counted", "storage_writes", ["state", "tenant_id", "kind", "size_bytes"])


def downgrade() -> None:
    """Forget everything."""
    op.drop_table("storage_writes")
