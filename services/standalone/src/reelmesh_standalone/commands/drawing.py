"""Draws a waterfall in a terminal: a tree on the left, bars on the right, errors in red."""

from collections.abc import Sequence

import rich.console
import rich.table
import rich.text
from reelmesh_client.commands import showing

from reelmesh_standalone import waterfall

BAR_CELLS = 28
# Eighths of a cell, so that short spans differ.
_PARTS = " ▏▎▍▌▋▊▉█"
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
_ERROR = "bold red"


def draw(found: waterfall.Waterfall) -> rich.console.Group:
    """Return a waterfall for a console, with a line that sums it up."""
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(found.services)}
    table = rich.table.Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("span", no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column("service", no_wrap=True)
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=BAR_CELLS)
    for line in found.lines:
        style = _ERROR if line.failed else colours[line.service]
        table.add_row(
            _name(line),
            rich.text.Text(line.service, style=colours[line.service]),
            rich.text.Text(_duration(line.offset_seconds), style="dim"),
            rich.text.Text(_duration(line.seconds)),
            rich.text.Text(bars(line.pieces, found.seconds), style=style),
        )
    return rich.console.Group(table, _sum(found))


def bars(pieces: Sequence[tuple[float, float]], total_seconds: float) -> str:
    """Return the bars of several spans in one row; where they overlap, the later one is seen."""
    row = [" "] * BAR_CELLS
    for offset_seconds, seconds in pieces:
        for cell, drawn in enumerate(bar(offset_seconds, seconds, total_seconds)):
            if drawn != " ":
                row[cell] = drawn
    return "".join(row)


def bar(offset_seconds: float, seconds: float, total_seconds: float) -> str:
    """Return a bar in a row of BAR_CELLS that stands for `total_seconds`; the shortest span has a mark."""
    scale = BAR_CELLS / total_seconds if total_seconds > 0 else 0.0
    start = min(int(offset_seconds * scale), BAR_CELLS - 1)
    cells = min(seconds * scale, BAR_CELLS - start)
    whole = int(cells)
    part = _PARTS[int((cells - whole) * 8)] if whole < BAR_CELLS - start else ""
    drawn = ("█" * whole + part).rstrip()
    return (" " * start + (drawn or "▏")).ljust(BAR_CELLS)


def _name(line: waterfall.Line) -> rich.text.Text:
    text = rich.text.Text().append(line.guides, style="dim")
    text.append(showing.plain(_shorter(line.name)), style=_ERROR if line.failed else "")
    if line.count > 1:
        text.append(f" x{line.count}", style="dim")
    if line.orphan:
        text.append(" (orphan: its parent is in no file)", style="bold yellow")
    if line.failed and line.message:
        text.append(f"  {showing.plain(line.message)}", style="red")
    return text


def _shorter(name: str) -> str:
    """Return an RPC's name without its packages."""
    return name.removeprefix("reelmesh.mesh.v1.").removeprefix("reelmesh.v1.")


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.1f} ms"


def _sum(found: waterfall.Waterfall) -> rich.text.Text:
    text = rich.text.Text().append(
        f"{found.spans} spans, {len(found.services)} services, {_duration(found.seconds)}", style="dim"
    )
    failed = sum(line.failed for line in found.lines)
    if failed:
        text.append(f", {failed} failed", style="red")
    if found.orphans:
        text.append(f", {found.orphans} orphans", style="bold yellow")
    return text
