"""Fills a record with finished generations: copies of one that a mesh has really made, with all the rows of each."""

import datetime
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import clock, sql
from reelmesh_orchestrator.adapters.sql import tables

# Generations that one transaction adds: the services go on beside it.
BATCH = 500
SECONDS_APART = 1.0
# What a generation is kept in: whatever names one, or an attempt of it.
_KEPT_IN = [
    table
    for table in tables.METADATA.sorted_tables
    if table is tables.GENERATIONS or "generation_id" in table.c or "attempt_id" in table.c
]
Values = dict[str, Any]


async def count(database: sql.Database) -> int:
    """Return how many generations there are."""
    statement = sa.select(sa.func.count()).select_from(tables.GENERATIONS)
    return await database.read(lambda transaction: int(transaction.execute(statement).scalar_one()))


async def fill(url: str, wanted: int) -> int:
    """Add copies of the newest generation until there are `wanted`; return how many there are then.

    The record must have a completed generation.
    """
    async with sql.open_database(url, clock.SystemClock(), migrations="reelmesh_orchestrator") as database:
        original = await database.read(_newest)
        have = await count(database)
        for first in range(have, wanted, BATCH):
            numbers = range(first, min(first + BATCH, wanted))
            await database.write(lambda transaction, numbers=numbers: _insert(transaction, original, numbers))
        return await count(database)


def copy(original: Mapping[str, Sequence[Mapping[str, Any]]], number: int) -> dict[str, list[Values]]:
    """Return the rows of a generation, by table, as those of another one: other ids, an earlier time."""
    return {name: [_copied(row, number) for row in rows] for name, rows in original.items()}


def _newest(transaction: sql.Transaction) -> dict[str, list[Values]]:
    generations = tables.GENERATIONS.c
    newest = sa.select(generations.id).where(generations.state == "COMPLETED").order_by(generations.create_time.desc())
    generation_id: uuid.UUID = transaction.execute(newest.limit(1)).scalar_one()
    found = {table.name: transaction.rows(_rows_of(table, generation_id)) for table in _KEPT_IN}
    return {name: [sql.columns(row) for row in rows] for name, rows in found.items()}


def _rows_of(table: sa.Table, generation_id: uuid.UUID) -> sa.Select[Any]:
    if table is tables.GENERATIONS:
        return sa.select(table).where(table.c.id == generation_id)
    if "generation_id" in table.c:
        return sa.select(table).where(table.c.generation_id == generation_id)
    attempts = sa.select(tables.ATTEMPTS.c.id).where(tables.ATTEMPTS.c.generation_id == generation_id)
    return sa.select(table).where(table.c.attempt_id.in_(attempts))


def _insert(transaction: sql.Transaction, original: Mapping[str, Sequence[Values]], numbers: Sequence[int]) -> None:
    copies = [copy(original, number) for number in numbers]
    for table in _KEPT_IN:
        rows = [row for one in copies for row in one[table.name]]
        if rows:
            transaction.execute(table.insert(), rows)


def _copied(row: Mapping[str, Any], number: int) -> Values:
    values = {name: _other(value, number) for name, value in row.items()}
    # The database gives each event a position of its own.
    values.pop("position", None)
    if values.get("job_id"):
        values["job_id"] = f"{values['job_id']}-{number}"
    return values


def _other(value: Any, number: int) -> Any:
    if isinstance(value, uuid.UUID):
        digest = hashlib.blake2b(value.bytes + number.to_bytes(8, "big"), digest_size=16).digest()
        return uuid.UUID(bytes=digest, version=4)
    if isinstance(value, datetime.datetime):
        return value - datetime.timedelta(seconds=SECONDS_APART * (number + 1))
    return value
