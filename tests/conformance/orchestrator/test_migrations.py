"""The migrations lead to the tables that the code knows, on both engines, also when many start at once."""

# pyright: reportPrivateUsage=false

import asyncio
from typing import Any

import alembic.autogenerate
import alembic.migration
import sqlalchemy as sa
from reelmesh_kit import clock, sql
from reelmesh_orchestrator.adapters.sql import tables

from tests.support import record


async def test_the_migrations_lead_to_the_tables(database_url: str) -> None:
    async with record.opened(database_url) as kept:

        def compare(transaction: sql.Transaction) -> list[Any]:
            connection = transaction._connection
            context = alembic.migration.MigrationContext.configure(
                connection, opts={"compare_type": True, "include_name": _ours}
            )
            return list(alembic.autogenerate.compare_metadata(context, tables.METADATA))

        assert await kept.database.read(compare) == []


async def test_the_indexes_over_what_is_at_work_are_partial(database_url: str) -> None:
    wanted = {
        str(index.name): str(index.dialect_options["postgresql"]["where"])
        for table in tables.METADATA.sorted_tables
        for index in table.indexes
        if index.dialect_options["postgresql"]["where"] is not None
    }
    async with record.opened(database_url) as kept:

        def look(transaction: sql.Transaction) -> set[str]:
            inspector = sa.inspect(transaction._connection)
            return {
                str(index["name"])
                for table in tables.METADATA.sorted_tables
                for index in inspector.get_indexes(table.name)
                if index.get("dialect_options", {}).get(f"{transaction.dialect}_where") is not None
            }

        assert await kept.database.read(look) == set(wanted)


async def test_opening_again_changes_nothing(database_url: str) -> None:
    async with record.opened(database_url) as kept:
        made = await kept.admit(1)
    async with record.opened(database_url) as kept:
        assert await kept.look(1) == made


async def test_replicas_may_start_together(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        # One process owns the file; that another one waits is what its migration relies on.
        async with record.opened(database_url) as kept, record.opened(database_url) as other:
            await kept.admit(1)
            await other.look(1)
        return

    async def start() -> None:
        async with sql.open_database(database_url, clock.SystemClock(), migrations=record.PACKAGE):
            return

    await asyncio.gather(*(start() for _ in range(5)))
    async with record.opened(database_url) as kept:
        await kept.admit(1)


def _ours(name: str | None, kind: str, parents: Any) -> bool:
    del parents
    return kind != "table" or not str(name).endswith("_version")
