"""How a command ends: one exit code per kind of ending, and an error that says what to do."""

import enum

import click
import rich.console
import rich.text

from reelmesh_client import errors
from reelmesh_client.commands import showing


class Exit(enum.IntEnum):
    """Exit codes; scripts may rely on them."""

    OK = 0
    FAILED = 1
    """Something unexpected."""
    USAGE = 2
    """The command line is wrong."""
    REFUSED = 3
    """The mesh refused the request; the same request would be refused again."""
    UNREACHABLE = 4
    """No mesh answers, or not now: the same command may work later."""
    NO_VIDEO = 5
    """The generation ended without a video."""
    FILE = 6
    """A file on this machine cannot be read or written; what was asked of the mesh is done."""
    INTERRUPTED = 130
    """Ctrl-C."""


EXPLAINED = (
    "Exit codes: 0 done, 1 unexpected, 2 wrong usage, 3 refused by the mesh, 4 mesh not reachable, "
    "5 ended without a video, 6 unusable local file, 130 interrupted."
)


# What another try may get past.
_LATER = (
    errors.Unavailable,
    errors.DeadlineExceeded,
    errors.QueueFull,
    errors.RateLimited,
    errors.StorageFull,
)


def of(error: errors.ReelmeshError) -> Exit:
    """Return the exit code of an error."""
    if isinstance(error, errors.Refused):
        return Exit.REFUSED
    if isinstance(error, errors.UnusableFile):
        return Exit.FILE
    if isinstance(error, errors.UnusableAddress):
        return Exit.USAGE
    if isinstance(error, _LATER):
        return Exit.UNREACHABLE
    return Exit.FAILED


def explain(error: errors.ReelmeshError, console: rich.console.Console) -> None:
    """Print what went wrong and what to do next."""
    line = rich.text.Text().append("✗ ", style="bold red")
    line.append(showing.plain(error.message), style="red")
    # Not broken at the width of a terminal: it may be copied, or stand in a log.
    console.print(line, soft_wrap=True)
    for problem in error.fields:
        if problem.field not in error.message:
            console.print(rich.text.Text(f"  {problem.field}: {showing.plain(problem.problem)}"), soft_wrap=True)
    for name, value in error.metadata.items():
        if name != "field" and value not in error.message:
            console.print(rich.text.Text(f"  {name}: {showing.plain(value)}", style="dim"), soft_wrap=True)
    console.print(rich.text.Text(f"  → {error.hint}"), soft_wrap=True)


class Ended(click.exceptions.Exit):
    """A command that has said everything and ends with a code."""

    def __init__(self, code: Exit) -> None:
        super().__init__(int(code))
