"""Runs a service as its own `python -m` does, and counts its SQLite statements: `python -m bench.serving <package>`.

SIGUSR1 sets the counts to zero, SIGUSR2 has them written to the file `--into`. They are taken from SQLite itself: the
trace of each connection, whatever lies between it and the service.
"""

import argparse
import collections
import json
import pathlib
import signal
import sqlite3
import sqlite3.dbapi2
import sys
from types import FrameType
from typing import Any

from reelmesh_kit import process
from reelmesh_standalone import parts


class Statements:
    """What this process has SQLite do, counted by the first word of each statement that runs."""

    def __init__(self) -> None:
        """Count on every connection that is opened from now on."""
        self._seen: collections.Counter[str] = collections.Counter()
        self._connect = sqlite3.connect
        # Both names of one function: the second is SQLAlchemy's.
        sqlite3.connect = sqlite3.dbapi2.connect = self._traced_connection

    def clear(self) -> None:
        """Begin anew."""
        self._seen.clear()

    def write(self, path: pathlib.Path) -> None:
        """Write the counts; the file is there at once and whole."""
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(self._seen))
        unfinished.rename(path)

    def _traced_connection(self, *arguments: Any, **keywords: Any) -> sqlite3.Connection:
        connection = self._connect(*arguments, **keywords)
        connection.set_trace_callback(self._count)
        return connection

    def _count(self, statement: str) -> None:
        # Triggers and the like are traced as comments: they are no statements of ours.
        if not statement.startswith("--"):
            self._seen[statement.split(None, 1)[0].upper().rstrip(";")] += 1


def main() -> int:
    """Run the service that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("--into", type=pathlib.Path, required=True, help="file for the counts")
    told = parser.parse_args()
    part = parts.Part(told.package.rpartition(".")[2].removeprefix("reelmesh_"), told.package)
    statements = Statements()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            statements.clear()
        else:
            statements.write(told.into)

    signal.signal(signal.SIGUSR1, on_signal)
    signal.signal(signal.SIGUSR2, on_signal)
    return process.main(part.name, part.build(), part.settings_class())


if __name__ == "__main__":
    sys.exit(main())
