"""Runs work on the record in transactions, and passes on what was recorded to be sent."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from reelmesh_kit import ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import store

Result = TypeVar("Result")

# How often work is run again whose commit nobody knows about, before the caller is told.
AMBIGUOUS_RETRIES = 3


class SqlRecord:
    """The record of the orchestrator in a SQL database."""

    def __init__(
        self, database: sql.Database, fresh: ids.Ids, on_outgoing: Callable[[Sequence[ports.Outgoing]], None]
    ) -> None:
        """Take the database; `on_outgoing` is called with messages once they are on disk."""
        self._database = database
        self._ids = fresh
        self._on_outgoing = on_outgoing

    async def write(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work in one transaction; again when nobody knows whether its commit happened."""

        def run(transaction: sql.Transaction) -> Result:
            return work(store.SqlStore(transaction, self._ids, self._on_outgoing))

        for _ in range(AMBIGUOUS_RETRIES):
            try:
                return await self._database.write(run)
            except sql.AmbiguousCommit:
                continue
        return await self._database.write(run)

    async def read(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work that changes nothing."""
        return await self._database.read(
            lambda transaction: work(store.SqlStore(transaction, self._ids, self._on_outgoing))
        )
