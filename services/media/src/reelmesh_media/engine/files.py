"""Writes results so that a file under its final name is always whole: temporary name, fsync, atomic rename."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Generator
from pathlib import Path

import av.error

from reelmesh_media.model import ladder, refusals

PART_SUFFIX = ".part"
_OUT_OF_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EFBIG: "too large"}


def part(path: Path) -> Path:
    """The hidden temporary name beside a result's final one."""
    return path.with_name(f".{path.name}{PART_SUFFIX}")


def sweep(folder: Path) -> None:
    """Remove what a killed run left behind in its folder."""
    for leftover in folder.glob(f".*{PART_SUFFIX}"):
        leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def writing() -> Generator[None]:
    """Tell failures to write (as the caller's own trouble) from failures to read.

    Raises:
        refusals.OutputNotWritten: the disk is full, or the folder cannot be written.
        refusals.NotEncodable: the muxer or an encoder does not take what it is given.
    """
    try:
        yield
    except MemoryError:
        raise
    except (av.error.ArgumentError, av.error.InvalidDataError) as error:
        raise refusals.NotEncodable(str(error)) from error
    except av.error.FFmpegError as error:
        raise _not_written(error.errno, f"muxing or encoding failed: {error}") from error
    except OSError as error:
        raise _not_written(error.errno, str(error)) from error


def _not_written(code: int | None, otherwise: str) -> refusals.OutputNotWritten:
    kind = refusals.OutputDiskFull if code in refusals.OUT_OF_ROOM else refusals.OutputNotWritten
    return kind(_OUT_OF_ROOM.get(code or 0, otherwise))


def publish(path: Path, width: int, height: int) -> ladder.MadeFile:
    """Give a finished temporary file its final name, durably, and describe it."""
    temporary = part(path)
    with writing():
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = temporary.stat().st_size
        temporary.replace(path)
        _sync_folder(path.parent)
    return ladder.MadeFile(path, width, height, size_bytes, digest)


def _sync_folder(folder: Path) -> None:
    """A rename is only durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
