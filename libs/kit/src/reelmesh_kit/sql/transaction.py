"""What a piece of work on the database gets to see: one transaction, with the database's time read once."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import base

from reelmesh_kit import errors
from reelmesh_kit.sql import bundle, changes, driver

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

    A transaction begins with the first statement that locks or writes. What is only read before that is read statement
    by statement, each of its own moment: a decision on it is fenced by what its changes are guarded with. Changes are
    kept until something else is asked, or until the end: alone they are the whole transaction, in one round trip.
    """

    def __init__(
        self,
        connection: sqlalchemy.Connection,
        below: driver.Driver,
        now: Callable[[], datetime.datetime] | None,
        begin: Callable[[], None] | None = None,
    ) -> None:
        """Wrap a connection and the driver's own `below` it.

        `now` None asks the database itself, `begin` None says that the transaction has begun.
        """
        self._connection = connection
        self._driver = below
        self._dialect = connection.dialect.name
        self._clock = now
        self._now: datetime.datetime | None = None
        self._begin = begin
        self._pending: changes.Changes | None = None
        self._afterwards: list[Callable[[], None]] = []

    @property
    def dialect(self) -> str:
        """Return "postgresql" or "sqlite"."""
        return self._dialect

    @property
    def begun(self) -> bool:
        """Whether there is something to commit besides the changes that are kept."""
        return self._begin is None

    @property
    def now(self) -> datetime.datetime:
        """Return the time of this transaction, read once: the database's, or the clock's for an embedded one."""
        if self._now is None:
            told: datetime.datetime = self._clock() if self._clock else self._driver.rows("SELECT now()")[0][0]
            self._now = told
        return self._now

    def execute(
        self,
        statement: base.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sqlalchemy.CursorResult[Any]:
        """Run one statement that writes; a sequence of parameters runs it for each."""
        self.begin()
        self.flush()
        return self._connection.execute(statement, parameters)  # pyright: ignore[reportReturnType]

    def row(self, statement: base.Executable) -> Row | None:
        """Return the first row, or None."""
        self._send_pending()
        return self._connection.execute(statement).first()

    def rows(self, statement: base.Executable) -> Sequence[Row]:
        """Return all rows. Bound the statement: nothing is unbounded."""
        self._send_pending()
        return self._connection.execute(statement).all()

    def ask(self, questions: bundle.Bundle, **parameters: Any) -> dict[str, list[bundle.Columns]]:
        """Return the rows of each question, by column; one round trip for all of them."""
        self._send_pending()
        told = parameters if self._clock is None else {**parameters, "now": self.now}
        now, answers = questions.ask(self._dialect, self._driver.rows, told)
        if self._now is None:
            self._now = now
        return answers

    @property
    def changes(self) -> changes.Changes:
        """Return the rows to be written with the commit, or before the next question.

        A conflict there has the work run again.
        """
        if self._pending is None:
            self._pending = changes.Changes()
        return self._pending

    def locking(
        self, statement: sqlalchemy.Select[*tuple[Any, ...]], *, skip_locked: bool = False, shared: bool = False
    ) -> sqlalchemy.Select[*tuple[Any, ...]]:
        """Return the statement with row locks where the engine has them; SQLite has one writer and needs none.

        Args:
            statement: what is read.
            skip_locked: whether rows that somebody has locked are passed over, not waited for.
            shared: whether any number may hold the lock that only want nobody to write the row.
        """
        self.begin()
        if self._dialect != "postgresql":
            return statement
        return statement.with_for_update(read=shared, skip_locked=skip_locked)

    def insert_if_absent(self, table: sqlalchemy.Table, values: Mapping[str, Any]) -> bool:
        """Insert one row unless its key exists; wait for whoever inserts it at the moment. Tell whether it is ours."""
        dialect = postgresql if self._dialect == "postgresql" else sqlite
        return self.execute(dialect.insert(table).values(values).on_conflict_do_nothing()).rowcount == 1

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once the transaction is on disk, in the caller's event loop; never when it is rolled back."""
        self._afterwards.append(callback)

    # --- for the engines in this package

    def begin(self) -> None:
        """Begin in earnest, unless that is done."""
        if self._begin is not None:
            self._begin, begin = None, self._begin
            begin()

    def flush(self) -> None:
        """Send the changes that are kept; what may have to be taken back needs a beginning."""
        wanted, self._pending = self._pending, None
        if wanted is None or wanted.empty:
            return
        if not wanted.alone:
            self.begin()
        try:
            wanted.send(self._dialect, self._driver)
        except sqlalchemy.exc.IntegrityError as error:
            raise changes.Conflict from error

    def take_callbacks(self) -> list[Callable[[], None]]:
        """Hand the callbacks to whoever committed."""
        taken, self._afterwards = self._afterwards, []
        return taken

    def _send_pending(self) -> None:
        if self._pending is not None and not self._pending.empty:
            self.begin()
            self.flush()


Work = Callable[[Transaction], Result]
