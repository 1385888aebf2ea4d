"""Runs a service as its own `python -m` does, with instruments: `python -m bench.serving <package> --into <folder>`.

SIGUSR1 sets the instruments to zero, SIGUSR2 makes them write what they have seen since. The profile is one of
processor time, in all threads: waiting costs nothing in it.
"""

import argparse
import cProfile
import importlib
import json
import pathlib
import pstats
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import sqlalchemy
from reelmesh_kit import process
from reelmesh_standalone import parts
from sqlalchemy import event

PROFILE = "profile.pstats"
COUNTS = "counts.json"


class Profiles:
    """A profile of each thread of this process, from its beginning."""

    def __init__(self) -> None:
        """Begin to profile this thread, and every one that is started later."""
        self._lock = threading.Lock()
        self._profiles: list[_Profile] = []
        self._begin()
        threading.setprofile(self._first_event)

    def _first_event(self, frame: FrameType, what: str, argument: object) -> None:
        """Stand in for a thread's profile until the thread does something: only then does it run in the thread."""
        del frame, what, argument
        self._begin()

    def _begin(self) -> None:
        profile = _Profile(time.thread_time)
        with self._lock:
            self._profiles.append(profile)
        profile.enable()

    def clear(self) -> None:
        """Forget what was seen."""
        with self._lock:
            for profile in self._profiles:
                profile.clear()

    def write(self, path: pathlib.Path) -> None:
        """Write the sum of all threads."""
        with self._lock:
            for profile in self._profiles:
                profile.create_stats()
            merged = pstats.Stats(*(profile for profile in self._profiles if profile.stats))
        merged.dump_stats(str(path))


class _Profile(cProfile.Profile):
    """A profile that goes on while it is read, also by another thread."""

    stats: dict[Any, Any]

    def create_stats(self) -> None:
        """Take what was seen so far."""
        self.snapshot_stats()


class Counts:
    """How much SQL went to the database."""

    def __init__(self) -> None:
        """Listen to every engine of this process."""
        self._seen: dict[str, int] = {}
        self.clear()
        event.listen(sqlalchemy.Engine, "before_cursor_execute", self._statement)
        event.listen(sqlalchemy.Engine, "commit", self._commit)

    def clear(self) -> None:
        """Begin anew."""
        self._seen.update(statements=0, rows_in_batches=0, transactions=0, pieces=0)

    def _statement(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        word = statement.split(None, 1)[0].upper()
        if word in {"BEGIN", "RELEASE", "ROLLBACK"}:
            return
        if word == "SAVEPOINT":
            self._seen["pieces"] += 1
            return
        self._seen["statements"] += 1
        self._seen["rows_in_batches"] += len(parameters) if many else 0

    def _commit(self, _connection: Any) -> None:
        self._seen["transactions"] += 1

    def write(self, path: pathlib.Path) -> None:
        """Write the counts."""
        path.write_text(json.dumps(self._seen))


def main() -> int:
    """Run the service that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package")
    parser.add_argument("--into", type=pathlib.Path, required=True, help="folder for what the instruments have seen")
    told = parser.parse_args()
    part = parts.Part(told.package.rpartition(".")[2].removeprefix("reelmesh_"), told.package)
    build, settings_class = part.build(), part.settings_class()
    importlib.import_module(f"{told.package}.app")
    counts, profiles = Counts(), Profiles()

    def clear(*_: object) -> None:
        counts.clear()
        profiles.clear()

    def write(*_: object) -> None:
        profiles.write(told.into / PROFILE)
        # Written last: who waits for it may read the other.
        counts.write(told.into / COUNTS)

    signal.signal(signal.SIGUSR1, clear)
    signal.signal(signal.SIGUSR2, write)
    return process.main(part.name, build, settings_class)


if __name__ == "__main__":
    sys.exit(main())
