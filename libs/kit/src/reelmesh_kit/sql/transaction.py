"""What a piece of work on the database gets to see: one transaction, with the database's time read once."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import base

from reelmesh_kit import errors

Result = TypeVar("Result")
Row = sqlalchemy.Row[Any]


def columns(row: Row) -> dict[str, Any]:
    """Return the columns of a row by name."""
    return dict(row._mapping)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - public in spite of its name


class AmbiguousCommit(errors.Unavailable):
    """The connection broke while committing: the work may have happened or not. Look, then decide."""


class Transaction:
    """One transaction as a plain synchronous function sees it.

    Work on the database takes no other effect: it may be run again when its transaction could not be committed, so
    whatever must follow goes through `after_commit`.
    """

    def __init__(self, connection: sqlalchemy.Connection, now: Callable[[], datetime.datetime] | None) -> None:
        """Wrap a connection in a transaction; `now` None asks the database itself."""
        self._connection = connection
        self._clock = now
        self._now: datetime.datetime | None = None
        self._afterwards: list[Callable[[], None]] = []

    @property
    def dialect(self) -> str:
        """Return "postgresql" or "sqlite"."""
        return self._connection.dialect.name

    @property
    def now(self) -> datetime.datetime:
        """Return the time of this transaction, read once: the database's, or the clock's for an embedded one."""
        if self._now is None:
            if self._clock is not None:
                self._now = self._clock()
            else:
                self._now = self._connection.execute(sqlalchemy.select(sqlalchemy.func.now())).scalar_one()
        return self._now

    def execute(
        self,
        statement: base.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sqlalchemy.CursorResult[Any]:
        """Run one statement; a sequence of parameters runs it for each."""
        return self._connection.execute(statement, parameters)  # pyright: ignore[reportReturnType]

    def row(self, statement: base.Executable) -> Row | None:
        """Return the first row, or None."""
        return self._connection.execute(statement).first()

    def rows(self, statement: base.Executable) -> Sequence[Row]:
        """Return all rows. Bound the statement: nothing is unbounded."""
        return self._connection.execute(statement).all()

    def locking(
        self, statement: sqlalchemy.Select[*tuple[Any, ...]], *, skip_locked: bool = False
    ) -> sqlalchemy.Select[*tuple[Any, ...]]:
        """Return the statement with row locks where the engine has them; SQLite has one writer and needs none."""
        return statement.with_for_update(skip_locked=skip_locked) if self.dialect == "postgresql" else statement

    def insert_if_absent(self, table: sqlalchemy.Table, values: Mapping[str, Any]) -> bool:
        """Insert one row unless its key exists; wait for whoever inserts it at the moment. Tell whether it is ours."""
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        return self.execute(dialect.insert(table).values(values).on_conflict_do_nothing()).rowcount == 1

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction is on disk, in the caller's event loop; never when it is rolled back."""
        self._afterwards.append(callback)

    def take_callbacks(self) -> list[Callable[[], None]]:
        """Hand the callbacks to whoever committed. For the engines in this package."""
        taken, self._afterwards = self._afterwards, []
        return taken


Work = Callable[[Transaction], Result]
