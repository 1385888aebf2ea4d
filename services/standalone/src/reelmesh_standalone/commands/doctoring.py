"""`reelmesh doctor`: what this machine lacks, and how the mesh on it does."""

import asyncio
import pathlib

import rich.text
from reelmesh_client.commands import outcome, showing

from reelmesh_standalone import examining
from reelmesh_standalone.commands import starting

_MARKS = {
    examining.Verdict.WELL: ("✓", "green"),
    examining.Verdict.DOUBTFUL: ("!", "yellow"),
    examining.Verdict.BAD: ("✗", "red"),
}


def doctor(data_folder: pathlib.Path | None) -> None:
    """Print what all checks find.

    Raises:
        outcome.Ended: something is bad.
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
