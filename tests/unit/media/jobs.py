"""Jobs for the tests of worker processes: each misbehaves in one way."""

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from reelmesh_media.engine import files
from reelmesh_media.model import ladder, refusals


def pid() -> int:
    """Behave."""
    return os.getpid()


def die() -> None:
    """Be killed, as by the kernel when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """Exit in the middle of a job, as a crash in C may."""
    os._exit(3)


def abort(progress: object = None) -> None:
    """Fail an assertion, as C does."""
    del progress
    os.abort()


def read_nowhere(progress: object = None) -> None:
    """Follow a pointer to nowhere, as a decoder with a bug does."""
    del progress
    ctypes.string_at(0)


def write(path: Path, size_bytes: int) -> None:
    """Write as the engine does."""
    with files.writing(), path.open("wb") as file:
        file.write(bytes(size_bytes))


def hang() -> None:
    """Never end."""
    threading.Event().wait()


def eat(size_bytes: int) -> int:
    """Use memory."""
    return len(bytearray(size_bytes))


def spin() -> None:
    """Use CPU time for ever."""
    while True:
        pass


def refuse() -> None:
    """Refuse as the engine does."""
    raise refusals.BrokenVideo("torn in two")


def err() -> None:
    """Have a bug."""
    raise ZeroDivisionError("a bug")


def answer_unreadably() -> object:
    """Return what cannot be pickled."""
    return threading.Lock()


def weigh(content: bytes) -> int:
    """Take a large argument."""
    return len(content)


def work_slowly(steps: int, step_seconds: float, progress: Callable[[ladder.Progress], None]) -> str:
    """Take long, but say so."""
    for step in range(steps):
        threading.Event().wait(step_seconds)
        progress(ladder.Progress("slow", (step + 1) / steps))
    return "done"
