"""The databases of the benchmarks: a SQLite file, or a PostgreSQL of their own; both on a disk and fully synced."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Generator

from tests.support import postgresql

SQLITE, POSTGRESQL = "sqlite", "postgresql"
KINDS = (SQLITE, POSTGRESQL)


@dataclasses.dataclass(frozen=True)
class Database:
    """Where the record is."""

    kind: str
    url: str
    server: postgresql.PostgresqlServer | None = None

    @property
    def pid(self) -> int:
        """Return the id of the server's process; 0 if it has none of its own."""
        return self.server.pid if self.server else 0

    def settle(self) -> None:
        """Do what a server does sooner or later about rows that were added, so that it is not measured at that."""
        if self.server:
            self.server.run("VACUUM (ANALYZE)")
            self.server.run("CHECKPOINT")


@contextlib.contextmanager
def opened(kind: str, folder: pathlib.Path) -> Generator[Database]:
    """Yield an empty database of a kind, SQLite's below `folder`.

    Raises:
        postgresql.Absent: this machine has no PostgreSQL.
    """
    if kind == SQLITE:
        yield Database(SQLITE, f"sqlite:///{folder / 'orchestrator.sqlite'}")
        return
    # As it comes: what is committed is on the disk. Not where tests have it, in memory.
    with postgresql.running((), within=None) as server:
        yield Database(POSTGRESQL, server.url(), server)
