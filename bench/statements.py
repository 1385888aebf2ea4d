"""Counts the SQL that a burst of jobs takes, at the database itself: SQLite's trace, PostgreSQL's log."""

import collections
import contextlib
import os
import pathlib
import re
import signal
from collections.abc import Mapping

from bench import databases, mesh

# What frames statements, and is none itself.
FRAMES = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"})
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05
# How the log of PostgreSQL, with its usual prefix, tells of a statement that runs, by either protocol.
_LOGGED = re.compile(r"^\S+ \S+ \S+ \[\d+\] LOG:  (?:statement|execute [^:]*): *(\w+)", re.MULTILINE)


def per_job(words: Mapping[str, int], jobs: int) -> dict[str, float]:
    """Return what one job takes, from counts of statements by their first word.

    Statements that run for several rows count for each row, as the database counts them.
    """
    statements = {word: count for word, count in words.items() if word not in FRAMES}
    each = {
        "statements": sum(statements.values()),
        # A transaction that only read ends with a rollback.
        "commits": words.get("COMMIT", 0),
        # On SQLite several pieces of work share one commit; each has a savepoint.
        "pieces of work": words.get("SAVEPOINT", 0) or words.get("COMMIT", 0),
        **{word: statements[word] for word in sorted(statements, key=lambda word: -statements[word])},
    }
    return {name: round(count / jobs, 2) for name, count in each.items()}


def logged(text: str) -> collections.Counter[str]:
    """Return the counts of statements, by first word, in a log of PostgreSQL."""
    return collections.Counter(word.upper() for word in _LOGGED.findall(text))


class Counting:
    """Counts between `begin` and `end`, on a mesh that runs counted."""

    def __init__(self, running: mesh.Mesh) -> None:
        """Count what this mesh does."""
        self._running = running
        self._server = running.database.server
        self._from = 0

    def begin(self) -> None:
        """Count from now on."""
        if self._server is None:
            os.kill(self._running.services["orchestrator"].pid, signal.SIGUSR1)
        else:
            self._from = self._server.log.stat().st_size

    async def end(self) -> Mapping[str, int]:
        """Return the counts so far, by the first word of the statements."""
        if self._server is not None:
            return logged(_text(self._server.log, self._from))
        self._running.counts_file.unlink(missing_ok=True)
        os.kill(self._running.services["orchestrator"].pid, signal.SIGUSR2)
        return await self._running.chassis.clock.wait_for(self._written(), PATIENCE_SECONDS)

    async def _written(self) -> Mapping[str, int]:
        while True:
            with contextlib.suppress(FileNotFoundError):
                return mesh.read_counts(self._running.counts_file)
            await self._running.chassis.clock.sleep(LOOK_SECONDS)


def log_all(database: databases.Database) -> None:
    """Have PostgreSQL log every statement of the connections made from now on."""
    if database.server is not None:
        database.server.run("ALTER SYSTEM SET log_statement = 'all'")
        database.server.run("SELECT pg_reload_conf()")


def _text(path: pathlib.Path, offset: int) -> str:
    with path.open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")
