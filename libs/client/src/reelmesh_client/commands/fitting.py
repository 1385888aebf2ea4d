"""Rows that fit a terminal: a table where it is wide enough, else each row over several lines; nothing is cut off."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import rich.console
import rich.text

Cell = str | rich.text.Text

GAP = 2
# What a last column must have, cells, before a table is given up for lines.
LEAST = 16
_INDENT = 2


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows with a heading for each column. The last column takes what the others leave."""

    headings: Sequence[str]
    """Empty where the columns need none."""
    rows: Sequence[Sequence[Cell]]
    right: Collection[int] = ()
    """Columns that are aligned to the right."""
    cut: bool = False
    """Whether the last column is cut to one line instead of wrapped."""
    least: int = LEAST

    def __rich_console__(
        self, console: rich.console.Console, options: rich.console.ConsoleOptions
    ) -> Iterator[rich.text.Text]:
        """Yield the lines for the width of the console."""
        rows = [[_text(cell) for cell in row] for row in self.rows]
        headings = [[rich.text.Text(each, style="dim") for each in self.headings]] if any(self.headings) else []
        widths = _widths([*headings, *rows])
        room = options.max_width - sum(width + GAP for width in widths[:-1])
        if room < min(self.least, widths[-1]):
            for row in rows:
                yield from _stacked(console, row, options.max_width)
            return
        for row in [*headings, *rows]:
            yield from self._line(console, row, widths, room)

    def _line(
        self, console: rich.console.Console, row: list[rich.text.Text], widths: Sequence[int], room: int
    ) -> Iterator[rich.text.Text]:
        head = rich.text.Text()
        for place, cell in enumerate(row[:-1]):
            padding = " " * (widths[place] - cell.cell_len)
            head.append_text(rich.text.Text.assemble(padding, cell) if place in self.right else cell + padding)
            head.append(" " * GAP)
        if self.cut:
            row[-1].truncate(room, overflow="ellipsis")
        yield hanging(console, head, row[-1], room)


def hanging(console: rich.console.Console, head: rich.text.Text, rest: rich.text.Text, room: int) -> rich.text.Text:
    """Return `head` and, beside it, `rest` wrapped to `room` cells, as one text of several lines without blank ends."""
    lines = rest.wrap(console, max(room, 1)) or [rich.text.Text()]
    joined = rich.text.Text().append_text(head)
    for number, line in enumerate(lines):
        line.rstrip()
        if number:
            joined.append("\n" + " " * head.cell_len)
        joined.append_text(line)
    joined.rstrip()
    return joined


def _stacked(console: rich.console.Console, row: list[rich.text.Text], width: int) -> Iterator[rich.text.Text]:
    first, *others = row
    yield from first.wrap(console, width)
    kept = [each for each in others if each.plain.strip()]
    if kept:
        indent = len(first.plain) - len(first.plain.lstrip()) + _INDENT
        yield hanging(console, rich.text.Text(" " * indent), rich.text.Text(" " * GAP).join(kept), width - indent)


def _widths(rows: Sequence[Sequence[rich.text.Text]]) -> list[int]:
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)] if rows else [0]


def _text(cell: Cell) -> rich.text.Text:
    return cell.copy() if isinstance(cell, rich.text.Text) else rich.text.Text(cell)
