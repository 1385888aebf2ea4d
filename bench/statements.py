"""Counts the SQL that a burst of jobs takes, at the database itself: SQLite's trace, PostgreSQL's log."""

import collections
import contextlib
import dataclasses
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
# The log of PostgreSQL, with its usual prefix: time, process, kind, and text up to the next prefix.
_PREFIX = r"^\S+ \S+ \S+ \[(?:\d+)\] "
_ENTRY = re.compile(rf"^\S+ \S+ \S+ \[(\d+)\] LOG:  (?:statement|execute [^:]*): (.*?)(?={_PREFIX}|\Z)", re.M | re.S)
_WRITES = re.compile(r"\b(?:INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.I)


@dataclasses.dataclass
class Tally:
    """What a database was asked to do."""

    words: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter[str])
    """Statements by their first word; one that runs for several rows counts for each, as the database counts it."""
    writing: int = 0
    """Transactions that wrote: each had to be put on the disk."""
    reading: int = 0
    """Transactions that did not."""
    pieces: int = 0
    """Pieces of work that wrote: on SQLite several share a transaction."""

    def per_job(self, jobs: int) -> dict[str, float]:
        """Return what one job takes."""
        statements = {word: count for word, count in self.words.most_common() if word not in FRAMES}
        each = {
            "statements": sum(statements.values()),
            "writing transactions": self.writing,
            "reading transactions": self.reading,
            "pieces of work": self.pieces,
            **statements,
        }
        return {name: round(count / jobs, 2) for name, count in each.items()}


def traced(words: Mapping[str, int]) -> Tally:
    """Return the tally of a trace of SQLite: who reads begins and rolls back, who writes commits."""
    counted = collections.Counter(words)
    commits = counted["COMMIT"]
    return Tally(counted, commits, max(counted["BEGIN"] - commits, 0), counted["SAVEPOINT"])


def logged(text: str) -> Tally:
    """Return the tally of a log of PostgreSQL; a statement outside of BEGIN and COMMIT is a transaction by itself."""
    tally = Tally()
    open_ones: dict[str, bool] = {}  # whether it has written, by process
    for process, statement in _ENTRY.findall(text):
        word = statement.split(None, 1)[0].upper().rstrip(";")
        tally.words[word] += 1
        writes = _WRITES.search(statement) is not None
        if word == "BEGIN":
            open_ones[process] = False
        elif word in {"COMMIT", "ROLLBACK"}:
            _end(tally, open_ones.pop(process, False) and word == "COMMIT")
        elif process in open_ones:
            open_ones[process] |= writes
        else:
            _end(tally, writes)
    return tally


def _end(tally: Tally, wrote: bool) -> None:
    if wrote:
        tally.writing += 1
        tally.pieces += 1
    else:
        tally.reading += 1


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

    async def end(self) -> Tally:
        """Return the tally so far."""
        if self._server is not None:
            return logged(_text(self._server.log, self._from))
        self._running.counts_file.unlink(missing_ok=True)
        os.kill(self._running.services["orchestrator"].pid, signal.SIGUSR2)
        return traced(await self._running.chassis.clock.wait_for(self._written(), PATIENCE_SECONDS))

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
