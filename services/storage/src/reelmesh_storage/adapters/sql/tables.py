"""The one table, its rows as assets, and the guarded change of state that all transactions use."""

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from reelmesh_kit import sql

from reelmesh_storage import ports
from reelmesh_storage.model import asset

METADATA = sqlalchemy.MetaData()

# Columns and indexes are made by the migrations; this is what queries need to know of them.
WRITES = sqlalchemy.Table(
    "storage_writes",
    METADATA,
    sqlalchemy.Column("write_id", sqlalchemy.Uuid, primary_key=True),
    sqlalchemy.Column("asset_id", sqlalchemy.Uuid),
    sqlalchemy.Column("key", sqlalchemy.Text),
    sqlalchemy.Column("state", sqlalchemy.Text),
    sqlalchemy.Column("changed_at", sql.Instant),
    sqlalchemy.Column("tenant_id", sqlalchemy.Text),
    sqlalchemy.Column("user_id", sqlalchemy.Text),
    sqlalchemy.Column("kind", sqlalchemy.Text),
    sqlalchemy.Column("content_type", sqlalchemy.Text),
    sqlalchemy.Column("generation_id", sqlalchemy.Uuid),
    sqlalchemy.Column("name", sqlalchemy.Text),
    sqlalchemy.Column("size_bytes", sqlalchemy.BigInteger),
    sqlalchemy.Column("sha256", sqlalchemy.Text),
    sqlalchemy.Column("width", sqlalchemy.Integer),
    sqlalchemy.Column("height", sqlalchemy.Integer),
    sqlalchemy.Column("duration_seconds", sqlalchemy.Double),
    sqlalchemy.Column("created_at", sql.Instant),
    sqlalchemy.Column("expires_at", sql.Instant),
)

Row = sqlalchemy.Row[Any]
Condition = sqlalchemy.ColumnElement[bool]


def asset_of(row: Row) -> asset.Asset:
    """Read a stored row."""
    return asset.Asset(
        id=row.asset_id,
        write_id=row.write_id,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        kind=asset.Kind(row.kind),
        content_type=row.content_type,
        content=asset.Content(row.size_bytes, row.sha256),
        key=row.key,
        created_at=row.created_at,
        expires_at=row.expires_at,
        generation_id=row.generation_id,
        width=row.width,
        height=row.height,
        duration_seconds=row.duration_seconds,
    )


def condemned_of(row: Row) -> ports.Condemned:
    """Read what a removal needs of a row."""
    return ports.Condemned(row.write_id, row.key)


def stored(transaction: sql.Transaction, asset_id: uuid.UUID, *, locked: bool = False) -> asset.Asset | None:
    """Return the asset under an id, expired or not."""
    query = sqlalchemy.select(WRITES).where(WRITES.c.asset_id == asset_id, in_state(asset.State.STORED))
    row = transaction.row(transaction.locking(query) if locked else query)
    return None if row is None else asset_of(row)


def move(transaction: sql.Transaction, target: asset.State, write_ids: Sequence[uuid.UUID], **values: object) -> int:
    """Move writes to a state, those of them that may enter it; count the moved ones."""
    statement = (
        WRITES.update()
        .where(WRITES.c.write_id.in_(write_ids), in_state(*asset.sources(target)))
        .values(state=target.value, changed_at=transaction.now, **values)
    )
    return transaction.execute(statement).rowcount


def in_state(*states: asset.State) -> Condition:
    """Return the condition that a write is in one of these states."""
    if len(states) == 1:
        return WRITES.c.state == states[0].value
    return WRITES.c.state.in_([state.value for state in states])
