"""Draws a waterfall in a terminal: a tree on the left, bars on the right, errors in red."""

import dataclasses
from collections.abc import Iterator, Sequence

import rich.console
import rich.table
import rich.text
from reelmesh_client.commands import showing

from reelmesh_standalone import waterfall

BAR_CELLS = 28
_BAR_CELLS_LEAST = 8
_NAME_CELLS = 26
# With the gap after it: "123.4 ms".
_NUMBER_CELLS = 9
# Eighths of a cell, so that short spans differ.
_PARTS = " ▏▎▍▌▋▊▉█"
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
_ERROR = "bold red"


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A waterfall for a console of any width, with a line that sums it up. Names are cut; numbers never are."""

    found: waterfall.Waterfall

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[rich.console.RenderableType]:
        """Yield the table, with as many columns as there is room for, and the sum."""
        services = max((len(line.service) for line in self.found.lines), default=0)
        room = options.max_width - _NAME_CELLS - 2 * _NUMBER_CELLS
        with_services = room >= services + 1
        room -= services + 1 if with_services else 0
        cells = min(BAR_CELLS, room) if with_services and room >= _BAR_CELLS_LEAST else 0
        yield self._table(with_services, cells)
        yield _sum(self.found)

    def _table(self, with_services: bool, cells: int) -> rich.table.Table:
        colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(self.found.services)}
        table = rich.table.Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("span", no_wrap=True, overflow="ellipsis", ratio=1)
        if with_services:
            table.add_column("service", no_wrap=True)
        for heading in ("start", "took"):
            table.add_column(heading, justify="right", no_wrap=True, min_width=_NUMBER_CELLS - 1)
        if cells:
            table.add_column("", no_wrap=True, width=cells)
        for line in self.found.lines:
            style = _ERROR if line.failed else colours[line.service]
            row = [_name(line)]
            row += [rich.text.Text(line.service, style=colours[line.service])] if with_services else []
            row += [
                rich.text.Text(_duration(line.offset_seconds), style="dim"),
                rich.text.Text(_duration(line.seconds)),
            ]
            row += [rich.text.Text(bars(line.pieces, self.found.seconds, cells), style=style)] if cells else []
            table.add_row(*row)
        return table


def bars(pieces: Sequence[tuple[float, float]], total_seconds: float, cells: int = BAR_CELLS) -> str:
    """Return the bars of several spans in one row; where they overlap, the later one is seen."""
    row = [" "] * cells
    for offset_seconds, seconds in pieces:
        for cell, drawn in enumerate(bar(offset_seconds, seconds, total_seconds, cells)):
            if drawn != " ":
                row[cell] = drawn
    return "".join(row)


def bar(offset_seconds: float, seconds: float, total_seconds: float, cells: int = BAR_CELLS) -> str:
    """Return a bar in a row of `cells` that stands for `total_seconds`; the shortest span has a mark."""
    scale = cells / total_seconds if total_seconds > 0 else 0.0
    start = min(int(offset_seconds * scale), cells - 1)
    length = min(seconds * scale, cells - start)
    whole = int(length)
    part = _PARTS[int((length - whole) * 8)] if whole < cells - start else ""
    drawn = ("█" * whole + part).rstrip()
    return (" " * start + (drawn or "▏")).ljust(cells)


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
