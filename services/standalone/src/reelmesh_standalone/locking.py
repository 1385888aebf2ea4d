"""Keeps a data folder for one mesh: two on the same folder would damage each other's work."""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Generator
from typing import TextIO

from reelmesh_kit import process


@contextlib.contextmanager
def held(path: pathlib.Path) -> Generator[None]:
    """Hold the lock file while the body runs. The system lets go of it even when the process is killed.

    Raises:
        process.CannotStart: another process holds it, or the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a+"))
        except OSError as error:
            raise process.CannotStart(
                f"Cannot use {path.parent} as data folder: {error.strerror or error}. Name another with --data."
            ) from error
        _lock(file, path)
        _sign(file, path)
        yield


def _lock(file: TextIO, path: pathlib.Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise process.CannotStart(
            f"A mesh runs on {path.parent} already: process {holder} holds {path}. "
            "Use that one, stop it, or name another folder with --data."
        ) from None


def _sign(file: TextIO, path: pathlib.Path) -> None:
    try:
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
    except OSError as error:
        raise process.CannotStart(
            f"Cannot write {path}: {error.strerror or error}. Free space, or name another folder with --data."
        ) from error
