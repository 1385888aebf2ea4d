"""A database that tells how often it was gone to: each question, each set of changes, each statement by itself."""

from collections.abc import Callable
from typing import Any, TypeVar

from reelmesh_kit import errors, sql

Result = TypeVar("Result")


class Counting:
    """A `sql.Database` before another one. Who watches it learns what a server a network away would see."""

    def __init__(self, inner: sql.Database) -> None:
        """Stand before a database."""
        self._inner = inner
        #: What was done, in its order: "begin", "ask", "row", "rows", "execute", "changes".
        self.trips: list[str] = []
        #: Whether it does not answer.
        self.away = False

    def taken(self) -> list[str]:
        """Return the trips since this was asked last."""
        taken, self.trips = self.trips, []
        return taken

    async def write(self, work: sql.Work[Result]) -> Result:
        """Run work in one transaction."""
        return await self._inner.write(lambda transaction: work(self._watched(transaction)))

    async def read(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing, on one snapshot."""
        return await self._inner.read(lambda transaction: work(self._watched(transaction)))

    async def glance(self, work: sql.Work[Result]) -> Result:
        """Run work that changes nothing.

        Raises:
            errors.Unavailable: it does not answer.
        """
        if self.away:
            raise errors.Unavailable("the database does not answer: a test says so")
        return await self._inner.glance(lambda transaction: work(self._watched(transaction)))

    async def close(self) -> None:
        """Close the database behind."""
        await self._inner.close()

    def _watched(self, transaction: sql.Transaction) -> sql.Transaction:
        seen: Any = transaction
        plain_begin, plain_flush = seen.begin, seen.flush
        for name in ("ask", "row", "rows", "execute"):
            setattr(seen, name, self._noted(name, getattr(seen, name)))

        def begin() -> None:
            if seen._begin is not None:
                self.trips.append("begin")
            plain_begin()

        def flush() -> None:
            if seen._pending is not None and not seen._pending.empty:
                self.trips.append("changes")
            plain_flush()

        seen.begin, seen.flush = begin, flush
        return transaction

    def _noted(self, name: str, plain: Callable[..., Result]) -> Callable[..., Result]:
        def noted(*arguments: Any, **named: Any) -> Result:
            self.trips.append(name)
            return plain(*arguments, **named)

        return noted
