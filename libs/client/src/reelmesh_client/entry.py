"""The front door of the command line: Ctrl-C ends it quietly while its commands are still being loaded, too."""

import errno
import io
import os
import sys
from typing import Any

# As in commands.outcome, which is not loaded yet.
_FILE = 6
_INTERRUPTED = 130
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
# Who reads wants no more, as in `reelmesh events last | head -1`: nothing to tell.
_ENOUGH = 1


def main() -> None:
    """Run the command that the command line names."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        _drop_stdout()
        sys.exit(_ENOUGH)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _drop_stdout()
        sys.stderr.write(f"✗ cannot write: {error.strerror}\n  → Free space, or send the output elsewhere.\n")
        sys.exit(_FILE)


def _run() -> None:
    # One that was closed is None.
    streams: list[io.TextIOWrapper[Any]] = [
        each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper)
    ]
    for stream in streams:
        # A terminal that lacks a letter shows a question mark in its place.
        stream.reconfigure(errors="replace")
    from reelmesh_client import commands

    try:
        commands.main(prog_name="reelmesh")
    finally:
        # While what goes wrong can still be told.
        for stream in streams:
            stream.flush()


def _drop_stdout() -> None:
    """Let what is left in buffers go nowhere: the interpreter would stumble over it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
