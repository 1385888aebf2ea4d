"""The durable list of jobs and submits: what a vendor keeps about its customers, in one SQLite file.

Calls block for a disk write, so that they are made in threads; a lock keeps them one at a time.
"""

import contextlib
import pathlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Self

from reelmesh_kit import process

from reelmesh_provider_local import model

LISTED_JOBS = 1000
# Jobs that a census tells at most; results are kept for hours, so that this is all of them.
COUNTED_JOBS = 100_000
# The result of a request that, as a test asked, never reached us: counted for its faults, but no submit.
VANISHED = "vanished"
BUSY_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  tag TEXT NOT NULL,
  shot_id TEXT NOT NULL,
  seed INTEGER NOT NULL,
  model TEXT NOT NULL,
  request TEXT NOT NULL,
  faults TEXT NOT NULL,
  state TEXT NOT NULL,
  message TEXT NOT NULL DEFAULT '',
  size_bytes INTEGER NOT NULL DEFAULT 0,
  ended_at REAL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_tag ON jobs (tag);
CREATE INDEX IF NOT EXISTS jobs_by_seed ON jobs (seed);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, ended_at);
CREATE TABLE IF NOT EXISTS submits (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  tag TEXT NOT NULL,
  shot_id TEXT NOT NULL,
  seed INTEGER NOT NULL,
  result TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS submits_by_shot ON submits (shot_id);
CREATE INDEX IF NOT EXISTS submits_by_tag ON submits (tag);
"""
_COLUMNS = "job_id, tag, shot_id, seed, model, request, faults, state, message, size_bytes"


class Jobs:
    """The list. One process at a time opens it; threads share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `open_at`."""
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open_at(cls, path: pathlib.Path) -> Self:
        """Open the list, made if missing; every change is on disk when its call returns.

        Raises:
            CannotStart: the file is no list of jobs, or is broken.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise process.CannotStart(
                f"{path} cannot be used as the local provider's job list ({error}). Move it away to start a new one; "
                "clips that were being rendered are then rendered again."
            ) from error
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def count_submit(self, tag: str, shot_id: str, seed: int, result: str) -> None:
        """Note a submit that created no job, or one that VANISHED."""
        with self._writing() as cursor:
            _note(cursor, tag, shot_id, seed, result)

    def create(self, job: model.Job) -> None:
        """Note a submit and the job that it created."""
        with self._writing() as cursor:
            _note(cursor, job.tag, job.shot_id, job.seed, "created")
            cursor.execute(
                f"INSERT INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (
                    job.job_id, job.tag, job.shot_id, job.seed, job.model, job.request,
                    model.write_markers(job.faults), job.state, job.message, job.size_bytes,
                ),
            )  # fmt: skip

    def submits(self, *, tag: str | None = None, shot_id: str | None = None) -> int:
        """Count the submits ever given, of an attempt or of a shot or of all: what tests of paying once look at."""
        wanted = "result <> ? AND (? IS NULL OR tag = ?) AND (? IS NULL OR shot_id = ?)"
        return self._count(wanted, VANISHED, tag, tag, shot_id, shot_id)

    def tries(self, shot_id: str) -> int:
        """Count the submits of a shot, those that vanished included: what faults with `:times` go by."""
        return self._count("shot_id = ?", shot_id)

    def move(
        self, job_id: str, state: model.State, *, message: str = "", size_bytes: int = 0, now: float | None = None
    ) -> bool:
        """Move an unfinished job on; returns False, changing nothing, if it is unknown or has ended."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE jobs SET state = ?, message = ?, size_bytes = ?, ended_at = ? "
                "WHERE job_id = ? AND state IN (?, ?)",
                (state, message, size_bytes, now, job_id, *model.UNFINISHED),
            )
            return cursor.rowcount > 0

    def get(self, job_ids: Iterable[str]) -> dict[str, model.Job]:
        """Return the jobs among `job_ids` that exist."""
        return {job.job_id: job for each in job_ids for job in self._select("job_id = ?", each)}

    def unfinished(self) -> Sequence[model.Job]:
        """Return what is still to render, oldest first."""
        return self._select("state IN (?, ?)", *model.UNFINISHED)

    def newest(self) -> Sequence[model.Job]:
        """Return the last LISTED_JOBS jobs, oldest first."""
        floor = "number > (SELECT coalesce(max(number), 0) FROM jobs) - ?"
        return self._select(floor, LISTED_JOBS)

    def asked_for(self, limit: int) -> Sequence[model.Order]:
        """Return whose the newest jobs are, at most `limit`, oldest first."""
        query = "SELECT job_id, tag, seed, model FROM jobs ORDER BY number DESC LIMIT ?"
        with self._lock:
            found = [model.Order(*row) for row in self._connection.execute(query, (limit,))]
        return found[::-1]

    def ended_before(self, when: float) -> Sequence[str]:
        """Return the ids of jobs that ended before `when`, seconds since 1970."""
        return [job.job_id for job in self._select("ended_at < ?", when)]

    def remove(self, job_ids: Iterable[str]) -> None:
        """Forget jobs."""
        with self._writing() as cursor:
            cursor.executemany("DELETE FROM jobs WHERE job_id = ?", [(each,) for each in job_ids])

    def _count(self, condition: str, *values: object) -> int:
        query = f"SELECT count(*) FROM submits WHERE {condition}"  # noqa: S608 - a constant
        with self._lock:
            return int(self._connection.execute(query, values).fetchone()[0])

    def _select(self, condition: str, *values: object) -> list[model.Job]:
        query = f"SELECT {_COLUMNS} FROM jobs WHERE {condition} ORDER BY number"  # noqa: S608 - a constant
        with self._lock:
            return [_job(row) for row in self._connection.execute(query, values)]

    @contextlib.contextmanager
    def _writing(self) -> Any:
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")


def _note(cursor: sqlite3.Cursor, tag: str, shot_id: str, seed: int, result: str) -> None:
    cursor.execute("INSERT INTO submits (tag, shot_id, seed, result) VALUES (?, ?, ?, ?)", (tag, shot_id, seed, result))


def _job(row: tuple[Any, ...]) -> model.Job:
    job_id, tag, shot_id, seed, name, request, faults, state, message, size_bytes = row
    return model.Job(
        job_id=job_id,
        tag=tag,
        shot_id=shot_id,
        seed=seed,
        model=name,
        request=request,
        faults=model.read_markers(faults)[0],
        state=model.State(state),
        message=message,
        size_bytes=size_bytes,
    )
