"""The far side of the pipe: what runs inside a worker process, one job after another, under limits of its own."""

import dataclasses
import os
import pickle
import queue
import resource
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from reelmesh_media.model import ladder, refusals
from reelmesh_media.model.lanes import Lane

MAX_OPEN_FILES = 256
ORPHANED = 70
"""The exit code of a worker whose service went away."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A function, importable by name, and its arguments."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """The job returned this."""

    result: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """The job ended with one of our own errors."""

    error: refusals.MediaError | OSError


@dataclasses.dataclass(frozen=True, slots=True)
class Broke:
    """The job ended with an error nobody foresaw; its traceback, as objects of foreign errors may not travel."""

    kind: str
    traceback: str


def main(connection: Connection, lane: Lane) -> None:
    """Serve jobs until the other side closes the pipe."""
    # Ctrl-C reaches the whole process group; when to stop is the service's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(lane)
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        _limit_cpu(lane)
        connection.send_bytes(_perform(job, lane, connection))


def _receive(connection: Connection, jobs: "queue.SimpleQueue[bytes]") -> None:
    """Pass jobs on. When the service is gone, so is this process, also in the middle of a job."""
    while True:
        try:
            jobs.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(ORPHANED)


def _limit(lane: Lane) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_NOFILE, MAX_OPEN_FILES)
    _lower(resource.RLIMIT_AS, lane.memory_bytes)
    # Python ignores the signal for it, so that writing fails as on a full disk.
    _lower(resource.RLIMIT_FSIZE, lane.file_bytes)
    os.nice(lane.niceness)


def _lower(kind: int, wanted: int) -> None:
    """Set a limit, hard and soft, where it is not lower already."""
    _, hard = resource.getrlimit(kind)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (limit, limit))


def _limit_cpu(lane: Lane) -> None:
    """The limit counts for the whole process, so each job's share is added to what is used up already."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_seconds = int(usage.ru_utime + usage.ru_stime) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = used_seconds + lane.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _perform(pickled: bytes, lane: Lane, connection: Connection) -> bytes:
    """Do a job and pickle its end here, so that what does not pickle is reported like any other fault."""

    def report(progress: ladder.Progress) -> None:
        connection.send(progress)

    try:
        job: Job = pickle.loads(pickled)  # noqa: S301 - from our own service, through its own pipe
        extra = {"progress": report} if lane.reports else {}
        return _pickled(Done(job.function(*job.arguments, **extra)))
    except (refusals.MediaError, FileNotFoundError, PermissionError) as error:
        return _pickled(Refused(error.with_traceback(None)))
    except Exception as error:  # noqa: BLE001 - the outermost loop of this process; the service logs what we send
        return _pickled(Broke(type(error).__name__, traceback.format_exc()))


def _pickled(ending: Done | Refused | Broke) -> bytes:
    return pickle.dumps(ending)
