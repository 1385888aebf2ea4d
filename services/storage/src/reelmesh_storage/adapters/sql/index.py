"""The record of writes and assets, as storing, serving and removing need it."""

import uuid
from collections.abc import Collection, Sequence
from typing import TypeVar

import sqlalchemy
import sqlalchemy.exc
from reelmesh_kit import errors, sql

from reelmesh_storage import ports
from reelmesh_storage.adapters.sql import tables
from reelmesh_storage.model import asset, layout

Result = TypeVar("Result")
WRITES = tables.WRITES
State = asset.State

# Two transactions may race for a key or an asset's id: the loser looks again and then sees the winner.
RACES_LIMIT = 3
# Writes of one asset that one removal looks at.
WRITES_LIMIT = 1000


class SqlIndex:
    """`ports.Index` on an SQL database."""

    def __init__(self, database: sql.Database) -> None:
        """Use a database whose schema is up to date."""
        self._database = database

    async def begin(self, intent: asset.Intent, write_id: uuid.UUID) -> ports.Begun | asset.Asset:
        """Record the intent to write; return the asset instead if it is stored already."""

        def work(transaction: sql.Transaction) -> ports.Begun | asset.Asset:
            existing = tables.stored(transaction, intent.asset_id, locked=True)
            if existing is not None and not _expired(existing, transaction):
                return existing
            if existing is not None:
                tables.move(transaction, State.REMOVING, [existing.write_id])
            key = _free_key(transaction, intent, write_id)
            transaction.execute(WRITES.insert().values(_intended(transaction, intent, write_id, key)))
            return ports.Begun(write_id, key)

        return await self._racing(work)

    async def settle(self, intent: asset.Intent, write_id: uuid.UUID, content: asset.Content) -> asset.Asset:
        """Record that the bytes are published; return the asset that stands under this id now."""

        def work(transaction: sql.Transaction) -> asset.Asset:
            existing = tables.stored(transaction, intent.asset_id, locked=True)
            if existing is not None and existing.write_id != write_id:
                if not _expired(existing, transaction):
                    tables.move(transaction, State.REMOVING, [write_id])
                    return existing
                tables.move(transaction, State.REMOVING, [existing.write_id])
            _store(transaction, intent, write_id, content)
            settled = tables.stored(transaction, intent.asset_id)
            if settled is None:
                raise errors.Unavailable("Storing took too long and was given up; nothing was stored. Send it again.")
            return settled

        return await self._racing(work)

    async def forget(self, write_id: uuid.UUID) -> None:
        """Drop an intent that published nothing."""
        statement = WRITES.delete().where(WRITES.c.write_id == write_id, tables.in_state(State.WRITING))
        await self._database.write(lambda transaction: transaction.execute(statement).rowcount)

    async def condemn_write(self, write_id: uuid.UUID) -> None:
        """Give up a write that may have published its bytes."""
        await self._database.write(lambda transaction: tables.move(transaction, State.REMOVING, [write_id]))

    async def find(self, asset_id: uuid.UUID, tenant_id: str) -> ports.Seen:
        """Return a stored asset that has not expired; `tenant_id` "" acts for all."""

        def work(transaction: sql.Transaction) -> ports.Seen:
            return ports.Seen(_owned(transaction, asset_id, tenant_id), transaction.now)

        return await self._database.read(work)

    async def prolong(self, intent: asset.Intent) -> asset.Asset:
        """Give a stored asset the expiry that storing it now would give; a kept one stays kept."""

        def work(transaction: sql.Transaction) -> asset.Asset:
            found = _owned(transaction, intent.asset_id, intent.tenant_id, locked=True)
            expires_at = asset.prolonged(found, intent, transaction.now)
            statement = WRITES.update().where(WRITES.c.write_id == found.write_id).values(expires_at=expires_at)
            transaction.execute(statement)
            return _owned(transaction, intent.asset_id, intent.tenant_id)

        return await self._database.write(work)

    async def keep(self, asset_ids: Collection[uuid.UUID]) -> Collection[uuid.UUID]:
        """Make assets permanent; return those that are not there any more."""

        def work(transaction: sql.Transaction) -> Collection[uuid.UUID]:
            statement = (
                WRITES.update()
                .where(WRITES.c.asset_id.in_(asset_ids), tables.in_state(State.STORED), _living(transaction))
                .values(expires_at=None)
                .returning(WRITES.c.asset_id)
            )
            kept = {row.asset_id for row in transaction.execute(statement)}
            return [asset_id for asset_id in asset_ids if asset_id not in kept]

        return await self._database.write(work)

    async def condemn(self, asset_id: uuid.UUID, tenant_id: str) -> Sequence[ports.Condemned]:
        """Hide an asset from everybody; return what is to be removed, empty if that happened already."""

        def work(transaction: sql.Transaction) -> Sequence[ports.Condemned]:
            gone = tables.in_state(State.STORED, State.REMOVING, State.REMOVED)
            query = sqlalchemy.select(WRITES).where(WRITES.c.asset_id == asset_id, gone, _of(tenant_id))
            rows = transaction.rows(transaction.locking(query.order_by(WRITES.c.write_id).limit(WRITES_LIMIT)))
            if not rows:
                raise errors.NotFound(asset_id=asset_id)
            tables.move(transaction, State.REMOVING, [row.write_id for row in rows if row.state == State.STORED])
            return [tables.condemned_of(row) for row in rows if row.state != State.REMOVED]

        return await self._database.write(work)

    async def removed(self, write_ids: Collection[uuid.UUID]) -> None:
        """Record that condemned bytes are gone."""
        await self._database.write(lambda transaction: tables.move(transaction, State.REMOVED, list(write_ids)))

    async def count(self, tenant_id: str) -> Sequence[asset.KindCount]:
        """Count what is stored, by kind; `tenant_id` "" means all."""
        query = (
            sqlalchemy.select(
                WRITES.c.kind,
                sqlalchemy.func.count().label("assets"),
                sqlalchemy.func.sum(WRITES.c.size_bytes).label("size_bytes"),
            )
            .where(tables.in_state(State.STORED), _of(tenant_id))
            .group_by(WRITES.c.kind)
            .order_by(WRITES.c.kind)
        )
        rows = await self._database.read(lambda transaction: transaction.rows(query))
        return [asset.KindCount(asset.Kind(row.kind), row.assets, int(row.size_bytes)) for row in rows]

    async def check(self) -> None:
        """Return if the database answers."""
        await self._database.read(lambda transaction: transaction.row(sqlalchemy.select(1)))

    async def _racing(self, work: sql.Work[Result]) -> Result:
        """Run work that reserves something unique."""
        for _ in range(RACES_LIMIT):
            try:
                return await self._database.write(work)
            except sqlalchemy.exc.IntegrityError:
                continue
        raise errors.Unavailable("Others store the same asset at this moment. Try again; nothing was stored.")


def _owned(transaction: sql.Transaction, asset_id: uuid.UUID, tenant_id: str, *, locked: bool = False) -> asset.Asset:
    found = tables.stored(transaction, asset_id, locked=locked)
    if found is None or _expired(found, transaction) or tenant_id not in ("", found.tenant_id):
        raise errors.NotFound(asset_id=asset_id)
    return found


def _expired(found: asset.Asset, transaction: sql.Transaction) -> bool:
    return found.expires_at is not None and found.expires_at <= transaction.now


def _living(transaction: sql.Transaction) -> tables.Condition:
    return sqlalchemy.or_(WRITES.c.expires_at.is_(None), WRITES.c.expires_at > transaction.now)


def _of(tenant_id: str) -> tables.Condition:
    return WRITES.c.tenant_id == tenant_id if tenant_id else sqlalchemy.true()


def _free_key(transaction: sql.Transaction, intent: asset.Intent, write_id: uuid.UUID) -> str:
    plain = layout.key(intent, write_id, transaction.now)
    taken = transaction.row(sqlalchemy.select(WRITES.c.write_id).where(WRITES.c.key == plain)) is not None
    return layout.key(intent, write_id, transaction.now, taken=True) if taken else plain


def _intended(transaction: sql.Transaction, intent: asset.Intent, write_id: uuid.UUID, key: str) -> dict[str, object]:
    return {
        "write_id": write_id,
        "asset_id": intent.asset_id,
        "key": key,
        "state": State.WRITING.value,
        "changed_at": transaction.now,
        "tenant_id": intent.tenant_id,
        "user_id": intent.user_id,
        "kind": intent.kind.value,
        "content_type": intent.content_type,
        "generation_id": intent.generation_id,
        "name": intent.name,
        "size_bytes": 0,
        "sha256": "",
        "width": intent.width,
        "height": intent.height,
        "duration_seconds": intent.duration_seconds,
        "created_at": transaction.now,
        "expires_at": None,
    }


def _store(transaction: sql.Transaction, intent: asset.Intent, write_id: uuid.UUID, content: asset.Content) -> None:
    tables.move(
        transaction,
        State.STORED,
        [write_id],
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        created_at=transaction.now,
        expires_at=transaction.now + intent.expires_after,
    )
