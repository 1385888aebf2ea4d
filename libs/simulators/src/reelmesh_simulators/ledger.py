"""The vendor's book: every request to make something that reached it, and every job. It outlives the process."""

import contextlib
import dataclasses
import functools
import json
import pathlib
import sqlite3
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

from reelmesh_simulators import faults, orders

_SCHEMA = """
CREATE TABLE IF NOT EXISTS creates (
  number INTEGER PRIMARY KEY, at REAL NOT NULL, account TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL,
  job_id TEXT, client TEXT NOT NULL, repeats INTEGER NOT NULL, model TEXT NOT NULL, seed INTEGER,
  webhook_url TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS creates_by_request ON creates (request);
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, request TEXT NOT NULL,
  made TEXT NOT NULL, created REAL NOT NULL, cancelled REAL, deleted INTEGER NOT NULL DEFAULT 0,
  forgotten INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_by_request ON jobs (request);
"""
_COLUMNS = "at, account, request, answer, job_id, client, repeats, model, seed, webhook_url"
_NOTE = f"INSERT INTO creates ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants alone
_CREATES = f"SELECT {_COLUMNS} FROM creates ORDER BY number"  # noqa: S608 - constants alone
_JOBS = "SELECT made, cancelled, deleted, forgotten FROM jobs"
REMEMBERED_JOBS = 20_000


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
        model, seed, webhook_url: as they were asked for.
    """

    at: float
    account: str
    request: str
    answer: str
    job_id: str | None
    client: str = ""
    repeats: int = 0
    model: str = ""
    seed: int | None = None
    webhook_url: str = ""


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
    """The book, in a SQLite file. All methods may be called from any thread.

    Attributes:
        slots: how many jobs of a group run at a time; None for any number.
        group: which jobs share their slots: those of an account, unless a dialect says otherwise.
    """

    def __init__(self, path: pathlib.Path | None = None) -> None:
        """Open the book, or begin one; without a path it ends with the process."""
        self.slots: int | None = None
        self.group: Callable[[orders.Job], str] = lambda job: job.account
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
            connection.execute(_NOTE, dataclasses.astuple(create))
            if job is not None:
                connection.execute(
                    "INSERT INTO jobs (job_id, account, request, made, created) VALUES (?,?,?,?,?)",
                    (job.job_id, job.account, create.request, _made(job), job.created),
                )

    def job(self, job_id: str) -> orders.Job | None:
        """Return a job; None when there is none, or its owner deleted it."""
        if self.slots is None:
            found = self._jobs(f"{_JOBS} WHERE job_id = ? AND NOT deleted", job_id)
        else:
            found = [job for job in self.all_jobs() if job.job_id == job_id and not job.deleted]
        return found[0] if found else None

    def jobs(self, account: str) -> Sequence[orders.Job]:
        """Return the jobs of an account that were not deleted, oldest first."""
        if self.slots is None:
            return self._jobs(f"{_JOBS} WHERE account = ? AND NOT deleted ORDER BY number", account)
        return [job for job in self.all_jobs() if job.account == account and not job.deleted]

    def all_jobs(self) -> Sequence[orders.Job]:
        """Return every job that was ever made, oldest first."""
        jobs = self._jobs(f"{_JOBS} ORDER BY number")
        return jobs if self.slots is None else orders.scheduled(jobs, self.slots, self.group)

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
        with self._stroke() as connection:
            return [Create(*row) for row in connection.execute(_CREATES)]

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
    kept = ("job_id", "account", "order", "created", "pace", "price_micros", "failed_micros")
    return json.dumps({name: fields[name] for name in kept})


def _read(made: str, cancelled: float | None, deleted: int, forgotten: int) -> orders.Job:
    job = _as_made(made)
    if cancelled is None and not deleted and not forgotten:
        return job
    return dataclasses.replace(job, cancelled=cancelled, deleted=bool(deleted), forgotten=bool(forgotten))


# What was made stays as it was, and each list shows it again.
@functools.lru_cache(maxsize=REMEMBERED_JOBS)
def _as_made(made: str) -> orders.Job:
    fields = json.loads(made)
    order, pace = _order(fields.pop("order")), orders.Pace(**fields.pop("pace"))
    return orders.Job(**fields, order=order, pace=pace)


def _order(fields: dict[str, Any]) -> orders.Order:
    suffers = tuple(
        faults.Marker(faults.Fault(marker["fault"]), marker["amount"], marker["times"])
        for marker in fields.pop("suffers", ())
    )
    return orders.Order(**fields, suffers=suffers)
