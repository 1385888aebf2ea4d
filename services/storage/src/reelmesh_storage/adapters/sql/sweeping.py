"""The same record, as the sweep needs it. On PostgreSQL sweeps of several replicas share the rows."""

import collections
import datetime
import uuid
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy
from reelmesh_kit import sql
from sqlalchemy.dialects import postgresql, sqlite

from reelmesh_storage import ports
from reelmesh_storage.adapters.sql import tables
from reelmesh_storage.model import asset, leftovers

WRITES = tables.WRITES
State = asset.State
_UNOWNED = ""


class SqlSweepIndex:
    """`ports.SweepIndex` on an SQL database."""

    def __init__(self, database: sql.Database) -> None:
        """Use a database whose schema is up to date."""
        self._database = database

    async def condemn_expired(self, limit: int) -> Mapping[asset.Kind, int]:
        """Condemn up to `limit` assets whose time is over; count them by kind."""

        def work(transaction: sql.Transaction) -> Mapping[asset.Kind, int]:
            due = tables.in_state(State.STORED) & (WRITES.c.expires_at <= transaction.now)
            return _condemn(transaction, due, WRITES.c.expires_at, limit)

        return await self._database.write(work)

    async def condemn_stale(self, limit: int) -> Mapping[asset.Kind, int]:
        """Condemn up to `limit` writes that were begun too long ago; count them by kind."""

        def work(transaction: sql.Transaction) -> Mapping[asset.Kind, int]:
            before = transaction.now - leftovers.STALE_WRITE
            due = tables.in_state(State.WRITING) & (WRITES.c.changed_at <= before)
            return _condemn(transaction, due, WRITES.c.changed_at, limit)

        return await self._database.write(work)

    async def condemned(self, after: uuid.UUID | None, limit: int) -> Sequence[ports.Condemned]:
        """Return up to `limit` condemned writes whose bytes may still be there, in the order of their ids."""
        query = sqlalchemy.select(WRITES.c.write_id, WRITES.c.key).where(tables.in_state(State.REMOVING))
        if after is not None:
            query = query.where(WRITES.c.write_id > after)
        query = query.order_by(WRITES.c.write_id).limit(limit)
        rows = await self._database.read(lambda transaction: transaction.rows(query))
        return [tables.condemned_of(row) for row in rows]

    async def removed(self, write_ids: Collection[uuid.UUID]) -> None:
        """Record that condemned bytes are gone."""
        await self._database.write(lambda transaction: tables.move(transaction, State.REMOVED, list(write_ids)))

    async def known(self, keys: Collection[str]) -> tuple[Collection[str], datetime.datetime]:
        """Return which of these keys belong to a write, and the database's time."""

        def work(transaction: sql.Transaction) -> tuple[Collection[str], datetime.datetime]:
            query = sqlalchemy.select(WRITES.c.key).where(WRITES.c.key.in_(keys))
            return {row.key for row in transaction.rows(query)}, transaction.now

        return await self._database.read(work)

    async def adopt(self, orphans: Mapping[uuid.UUID, leftovers.Orphan]) -> int:
        """Take bytes without a row in, condemned; leave out those that got a row meanwhile. Count the others."""

        def work(transaction: sql.Transaction) -> int:
            insert = postgresql.insert if transaction.dialect == "postgresql" else sqlite.insert
            rows = [_adopted(write_id, orphan, transaction.now) for write_id, orphan in orphans.items()]
            statement = insert(WRITES).on_conflict_do_nothing(index_elements=["key"])
            return sum(transaction.execute(statement.values(row)).rowcount for row in rows)

        return await self._database.write(work)

    async def purge_removed(self, limit: int) -> int:
        """Forget up to `limit` writes whose bytes have been gone for long enough; count them."""

        def work(transaction: sql.Transaction) -> int:
            before = transaction.now - leftovers.TOMBSTONE_LIFE
            due = tables.in_state(State.REMOVED) & (WRITES.c.changed_at <= before)
            rows = _claimed(transaction, due, WRITES.c.changed_at, limit)
            ids = [row.write_id for row in rows]
            return transaction.execute(WRITES.delete().where(WRITES.c.write_id.in_(ids))).rowcount if ids else 0

        return await self._database.write(work)


def _condemn(
    transaction: sql.Transaction,
    due: tables.Condition,
    oldest: sqlalchemy.Column[datetime.datetime],
    limit: int,
) -> Mapping[asset.Kind, int]:
    rows = _claimed(transaction, due, oldest, limit)
    if rows:
        tables.move(transaction, State.REMOVING, [row.write_id for row in rows])
    return collections.Counter(asset.Kind(row.kind) for row in rows)


def _claimed(
    transaction: sql.Transaction,
    due: tables.Condition,
    oldest: sqlalchemy.Column[datetime.datetime],
    limit: int,
) -> Sequence[tables.Row]:
    query = sqlalchemy.select(WRITES.c.write_id, WRITES.c.kind).where(due).order_by(oldest).limit(limit)
    return transaction.rows(transaction.locking(query, skip_locked=True))


def _adopted(write_id: uuid.UUID, orphan: leftovers.Orphan, now: datetime.datetime) -> dict[str, object]:
    return {
        "write_id": write_id,
        "asset_id": write_id,
        "key": orphan.key,
        "state": State.REMOVING.value,
        "changed_at": now,
        "tenant_id": _UNOWNED,
        "user_id": _UNOWNED,
        "kind": orphan.kind.value,
        "content_type": "",
        "generation_id": None,
        "name": "",
        "size_bytes": orphan.size_bytes,
        "sha256": "",
        "width": 0,
        "height": 0,
        "duration_seconds": 0.0,
        "created_at": now,
        "expires_at": None,
    }
