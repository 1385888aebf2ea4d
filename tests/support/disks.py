"""Small disks that fill up: file systems in memory, where we may mount them."""

import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Generator

BALLAST = "ballast"
_PIECE_BYTES = 64 * 1024


class Absent(Exception):
    """No disk can be mounted here; the message says why."""


@contextlib.contextmanager
def mounted(folder: pathlib.Path, size_bytes: int) -> Generator[None]:
    """Let a folder be a disk of its own.

    Raises:
        Absent: it cannot be mounted.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Absent("only root on Linux may mount one")
    trouble = _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    if trouble:
        raise Absent(f"it cannot be mounted here: {trouble}")
    try:
        yield
    finally:
        _run("umount", "-l", str(folder))


def fill(folder: pathlib.Path) -> None:
    """Take all the room that the disk of a folder has left."""
    for piece in (_PIECE_BYTES, 1):
        with contextlib.suppress(OSError), (folder / BALLAST).open("ab", buffering=0) as ballast:
            while ballast.write(bytes(piece)):
                continue


def free(folder: pathlib.Path) -> None:
    """Give the room back that `fill` took."""
    (folder / BALLAST).unlink(missing_ok=True)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"it ended with {done.returncode}") if done.returncode else ""
