"""The vendor's book: every request to make something that reached it, and every job. It outlives the process."""

import contextlib
import dataclasses
import json
import pathlib
import sqlite3
import threading
from collections.abc import Generator, Sequence
from typing import Any

from reelmesh_simulators import orders

_SCHEMA = """
CREATE TABLE IF NOT EXISTS creates (
  number INTEGER PRIMARY KEY, at REAL NOT NULL, account TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL,
  job_id TEXT, client TEXT NOT NULL, repeats INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS creates_by_request ON creates (request);
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, request TEXT NOT NULL,
  made TEXT NOT NULL, created REAL NOT NULL, cancelled REAL, deleted INTEGER NOT NULL DEFAULT 0,
  forgotten INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_by_request ON jobs (request);
"""
_JOBS = "SELECT made, cancelled, deleted, forgotten FROM jobs"


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """A complete request to make something.

    Attributes:
        at: when it had been read, seconds since 1970.
        request: its prompt without markers.
        answer: what was said to it: `accepted`, or the name of a fault.
        job_id: what was made of it, whether the caller learnt that or not; None for nothing.
        client: what the caller calls itself.
        repeats: which repetition the caller says that it is, 0 for the first.
    """

    at: float
    account: str
    request: str
    answer: str
    job_id: str | None
    client: str = ""
    repeats: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What became of one request, however often it was sent.

    Attributes:
        creates: complete requests that came.
        job_ids: jobs that were made: more than one is paid more than once.
        billed_micros: what they cost as things are now.
    """

    request: str
    creates: int
    job_ids: tuple[str, ...]
    billed_micros: int


class Ledger:
    """The book, in a SQLite file. All methods may be called from any thread."""

    def __init__(self, path: pathlib.Path | None = None) -> None:
        """Open the book, or begin one; without a path it ends with the process."""
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the book."""
        self._connection.close()

    def note(self, create: Create, job: orders.Job | None = None) -> None:
        """Write down a request and, in the same stroke, the job that was made of it."""
        with self._stroke() as connection:
            connection.execute(
                "INSERT INTO creates (at, account, request, answer, job_id, client, repeats) VALUES (?,?,?,?,?,?,?)",
                dataclasses.astuple(create),
            )
            if job is not None:
                connection.execute(
                    "INSERT INTO jobs (job_id, account, request, made, created) VALUES (?,?,?,?,?)",
                    (job.job_id, job.account, create.request, _made(job), job.created),
                )

    def job(self, job_id: str) -> orders.Job | None:
        """Return a job; None when there is none, or its owner deleted it."""
        found = self._jobs(f"{_JOBS} WHERE job_id = ? AND NOT deleted", job_id)
        return found[0] if found else None

    def jobs(self, account: str) -> Sequence[orders.Job]:
        """Return the jobs of an account that were not deleted, oldest first."""
        return self._jobs(f"{_JOBS} WHERE account = ? AND NOT deleted ORDER BY number", account)

    def all_jobs(self) -> Sequence[orders.Job]:
        """Return every job that was ever made, oldest first."""
        return self._jobs(f"{_JOBS} ORDER BY number")

    def cancel(self, job_id: str, at: float) -> None:
        """Stop a job that was not stopped before."""
        self._change("UPDATE jobs SET cancelled = ? WHERE job_id = ? AND cancelled IS NULL", at, job_id)

    def delete(self, job_id: str) -> None:
        """Let a job be gone for its owner."""
        self._change("UPDATE jobs SET deleted = 1 WHERE job_id = ?", job_id)

    def forget_all(self) -> None:
        """Lose every job, as a server does that keeps them in memory."""
        self._change("UPDATE jobs SET forgotten = 1")

    def creates(self) -> Sequence[Create]:
        """Return every request that came, oldest first."""
        query = "SELECT at, account, request, answer, job_id, client, repeats FROM creates ORDER BY number"
        with self._stroke() as connection:
            return [Create(*row) for row in connection.execute(query)]

    def lines(self, now: float) -> Sequence[Line]:
        """Return what became of each request, in the order in which they first came."""
        counts: dict[str, int] = {}
        for create in self.creates():
            counts[create.request] = counts.get(create.request, 0) + 1
        made: dict[str, list[orders.Job]] = {}
        for job in self.all_jobs():
            made.setdefault(job.order.request, []).append(job)
        return [
            Line(
                request,
                count,
                tuple(job.job_id for job in made.get(request, [])),
                sum(job.bill_micros(now) for job in made.get(request, [])),
            )
            for request, count in counts.items()
        ]

    def _jobs(self, query: str, *values: object) -> Sequence[orders.Job]:
        with self._stroke() as connection:
            return [_read(*row) for row in connection.execute(query, values)]

    def _change(self, statement: str, *values: object) -> None:
        with self._stroke() as connection:
            connection.execute(statement, values)

    @contextlib.contextmanager
    def _stroke(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _made(job: orders.Job) -> str:
    fields: dict[str, Any] = dataclasses.asdict(job)
    return json.dumps(
        {name: fields[name] for name in ("job_id", "account", "order", "created", "pace", "price_micros")}
    )


def _read(made: str, cancelled: float | None, deleted: int, forgotten: int) -> orders.Job:
    fields = json.loads(made)
    order, pace = orders.Order(**fields.pop("order")), orders.Pace(**fields.pop("pace"))
    return orders.Job(
        **fields, order=order, pace=pace, cancelled=cancelled, deleted=bool(deleted), forgotten=bool(forgotten)
    )
