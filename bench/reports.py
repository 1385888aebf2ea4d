"""What every benchmark says at the end: a table for people, and the same as JSON for programs."""

import json
import os
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

Cell = str | float | int | None
Row = Mapping[str, Cell]


def machine(reference_ms: float | None = None) -> dict[str, Any]:
    """Return what the numbers were measured on; `reference_ms` is `speed.reference_milliseconds`, if that was asked."""
    return {
        "cores": os.cpu_count(),
        "reference_ms": reference_ms,
        # Over the last minute: far above the cores, others were at work, and wall times tell little.
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def write_json(path: pathlib.Path, benchmark: str, results: Any, reference_ms: float | None = None) -> None:
    """Put the results of one benchmark into a file that may hold those of others."""
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    known[benchmark] = {"machine": machine(reference_ms), "results": results}
    path.write_text(json.dumps(known, indent=2) + "\n")


def table(rows: Sequence[Row], columns: Sequence[str] = ()) -> str:
    """Return rows as text in columns: names to the left, numbers to the right; None is a dash.

    `columns` are all columns, in order; those of the first row unless given.
    """
    names = list(columns) or list(rows[0])
    lines = [names, *([_shown(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    numeric = [all(not isinstance(row.get(name), str) for row in rows) for name in names]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
