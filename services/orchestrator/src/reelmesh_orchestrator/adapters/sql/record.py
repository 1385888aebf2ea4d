"""Runs work on the record in transactions, and passes on what was recorded to be sent."""

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from reelmesh_kit import errors, ids, sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.adapters.sql import store
from reelmesh_orchestrator.ports import counting

Result = TypeVar("Result")

# How often work is run again whose commit nobody knows about, before the caller is told.
AMBIGUOUS_RETRIES = 3


@dataclasses.dataclass(frozen=True)
class _Try(Generic[Result]):
    """What a run of some work came to, if its transaction was committed."""

    result: Result
    written: Sequence[tuple[uuid.UUID, Sequence[ports.Outgoing]]]
    decisions: Sequence[counting.Decided]


class SqlRecord:
    """The record of the orchestrator in a SQL database."""

    def __init__(
        self,
        database: sql.Database,
        fresh: ids.Ids,
        on_outgoing: Callable[[Sequence[ports.Outgoing]], None],
        on_decided: counting.OnDecided = counting.nobody,
    ) -> None:
        """Take the database; `on_outgoing` and `on_decided` are called with what is on disk, once it is."""
        self._database = database
        self._ids = fresh
        self._on_outgoing = on_outgoing
        self._on_decided = on_decided

    async def write(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work in one transaction; when nobody knows whether its commit happened, look for its events.

        Work that left none is run again, and so is work whose events are not there: it has to come to the same.

        Raises:
            errors.Unavailable: the database does not answer; nothing happened.
            sql.AmbiguousCommit: the database does not answer any more; the work may have happened.
        """
        tries: list[_Try[Result]] = []

        def run(transaction: sql.Transaction) -> Result:
            view = store.SqlStore(transaction, self._ids, self._on_outgoing, self._on_decided)
            result = work(view)
            tries.append(_Try(result, view.written, view.decisions))
            return result

        for _ in range(AMBIGUOUS_RETRIES):
            try:
                return await self._database.write(run)
            except sql.AmbiguousCommit as error:
                if done := await self._committed(tries, error):
                    return done.result
        return await self._database.write(run)

    async def _committed(self, tries: Sequence[_Try[Result]], ambiguous: sql.AmbiguousCommit) -> _Try[Result] | None:
        """Return the run whose events are recorded, and pass on its messages."""
        try:
            done = await self._read(lambda view: next((one for one in tries if _happened(view, one)), None))
        except errors.Unavailable:
            raise ambiguous from None
        for _, outgoing in done.written if done else ():
            self._on_outgoing(outgoing)
        for decision in done.decisions if done else ():
            self._on_decided(decision)
        return done

    async def read(self, work: Callable[[ports.Store], Result]) -> Result:
        """Run work that changes nothing; each question sees a moment of its own."""
        return await self._read(work)

    async def _read(self, work: Callable[[store.SqlStore], Result]) -> Result:
        return await self._database.glance(
            lambda transaction: work(store.SqlStore(transaction, self._ids, self._on_outgoing))
        )


def _happened(view: store.SqlStore, one: _Try[Result]) -> bool:
    return any(view.happened(generation_id, outgoing) for generation_id, outgoing in one.written)
