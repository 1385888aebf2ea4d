"""`reelmesh doctor`: what this machine lacks, and how the mesh on it does."""

import asyncio
import pathlib

import click
import rich.text
from reelmesh_client.commands import outcome, running, showing

from reelmesh_standalone import examining
from reelmesh_standalone.commands import starting

_MARKS = {
    examining.Verdict.WELL: ("✓", "green"),
    examining.Verdict.DOUBTFUL: ("!", "yellow"),
    examining.Verdict.BAD: ("✗", "red"),
}


@click.command(epilog=outcome.EXPLAINED)
@running.data_option
def doctor(data_folder: pathlib.Path | None) -> None:
    """Check this machine and its mesh.

    Ends with exit code 1 if something is bad; each finding says what to do.
    """
    told = starting.settings({} if data_folder is None else {"data_folder": data_folder})
    findings = asyncio.run(examining.examine(told))
    console = showing.out()
    for finding in findings:
        mark, style = _MARKS[finding.verdict]
        line = rich.text.Text().append(f"{mark} ", style=style)
        line.append(f"{finding.name:<16}", style="dim")
        line.append(showing.plain(finding.message))
        console.print(line, soft_wrap=True)
        if finding.hint:
            console.print(rich.text.Text(f"{'':18}→ {showing.plain(finding.hint)}"), soft_wrap=True)
    if any(finding.verdict is examining.Verdict.BAD for finding in findings):
        raise outcome.Ended(outcome.Exit.FAILED)
