"""Fills a record with finished generations: copies of one that a mesh has really made, with all the rows of each.

The database copies by itself. Ids are scattered as real ones are, so that indexes are as large and as cold as theirs.
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from reelmesh_kit import clock, sql
from reelmesh_orchestrator.adapters.sql import tables

# Generations that one transaction adds: the services go on beside it.
BATCH = 2_000
SECONDS_APART = 1
# What a generation is kept in: whatever names one, or an attempt of it.
_KEPT_IN = [
    table
    for table in tables.METADATA.sorted_tables
    if table is tables.GENERATIONS or "generation_id" in table.c or "attempt_id" in table.c
]
# Odd, so that numbers up to 2**32 stay different from each other; each begins an id, as eight hexadecimal digits.
_SCATTER = "((n * 2654435761) % 4294967296)"
_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"


async def count(database: sql.Database) -> int:
    """Return how many generations there are."""
    statement = sa.select(sa.func.count()).select_from(tables.GENERATIONS)
    return await database.read(lambda transaction: int(transaction.execute(statement).scalar_one()))


async def fill(url: str, wanted: int) -> int:
    """Add copies of the newest generation until there are `wanted`; return how many there are then.

    The record must have a completed generation that has not been copied before under the same numbers.
    """
    async with sql.open_database(url, clock.SystemClock(), migrations="reelmesh_orchestrator") as database:
        original = await database.read(_newest)
        have = await count(database)
        for first in range(have, wanted, BATCH):
            numbers = range(first, min(first + BATCH, wanted))
            await database.write(lambda transaction, numbers=numbers: _copy(transaction, original, numbers))
        return await count(database)


def _newest(transaction: sql.Transaction) -> uuid.UUID:
    generations = tables.GENERATIONS.c
    newest = sa.select(generations.id).where(generations.state == "COMPLETED").order_by(generations.create_time.desc())
    found: uuid.UUID = transaction.execute(newest.limit(1)).scalar_one()
    return found


def _copy(transaction: sql.Transaction, original: uuid.UUID, numbers: Sequence[int]) -> None:
    for table in _KEPT_IN:
        transaction.execute(sa.text(_copying(table, transaction.dialect, original, numbers[0], numbers[-1])))


def _copying(table: sa.Table, dialect: str, original: uuid.UUID, first: int, last: int) -> str:
    """Return the statement that adds the rows of a table for copies `first` to `last`, in one dialect."""
    # The database gives each event a position of its own.
    columns = [column for column in table.c if column.name != "position"]
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(_copied(column, dialect) for column in columns)
    one = f"'{original}'" if dialect == "postgresql" else f"'{original.hex}'"
    return (
        f'{_NUMBERS.format(first=first, last=last)} INSERT INTO "{table.name}" ({names}) '  # noqa: S608 - all ours
        f'SELECT {values} FROM "{table.name}", numbers WHERE {_belonging(table, one)}'
    )


def _belonging(table: sa.Table, one: str) -> str:
    if table is tables.GENERATIONS:
        return f"id = {one}"
    if "generation_id" in table.c:
        return f"generation_id = {one}"
    return f"attempt_id IN (SELECT id FROM attempts WHERE generation_id = {one})"  # noqa: S608 - all ours


def _copied(column: sa.Column[object], dialect: str) -> str:
    """Return what a column of copy number n has: other ids, earlier times."""
    name = f'"{column.name}"'
    if column.name == "job_id":
        return f"CASE WHEN {name} = '' THEN '' ELSE {name} || '-' || n END"
    if isinstance(column.type, sa.Uuid):
        if dialect == "postgresql":
            return f"(lpad(to_hex({_SCATTER}), 8, '0') || substr({name}::text, 9))::uuid"
        return f"printf('%08x', {_SCATTER}) || substr({name}, 9)"
    if isinstance(column.type, sql.Instant):
        if dialect == "postgresql":
            return f"{name} - (n + 1) * interval '{SECONDS_APART} s'"
        return f"{name} - (n + 1) * {SECONDS_APART * 1_000_000}"
    return name
