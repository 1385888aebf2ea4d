"""Breaks a whole mesh in every way it can think of, and says what it found; see CONTRIBUTING.md."""

import argparse
import asyncio
import pathlib
import signal
import sys
import tempfile

from tests.chaos import crashes, places, reporting, running
from tests.support import postgresql

EXIT_OK, EXIT_BROKEN, EXIT_ABSENT = 0, 1, 2


def main(words: list[str]) -> int:
    """Run what the words ask for; return 0 when nothing was lost, paid twice, left behind or otherwise wrong."""
    # Whoever ends us ends everything that we have started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = _arguments().parse_args(words)
    if asked.list:
        print("\n".join(crashes.all_points()))
        return EXIT_OK
    plan = running.Plan(kind=asked.database, seed=asked.seed, jobs=asked.jobs)
    with tempfile.TemporaryDirectory(prefix="reelmesh-chaos-", ignore_cleanup_errors=True) as folder:
        home = pathlib.Path(asked.keep or folder)
        try:
            report = asyncio.run(running.report_of(plan, home, lambda line: print(line, file=sys.stderr, flush=True)))
        except postgresql.Absent as absent:
            print(f"postgresql: {absent}")
            return EXIT_ABSENT
    return _told(report, asked.json)


def _told(report: reporting.Report, file: str) -> int:
    print("\n".join(report.table()))
    print(report.json())
    if file:
        pathlib.Path(file).write_text(report.json() + "\n")
    return EXIT_BROKEN if report.troubles else EXIT_OK


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=60, help="films that are asked for at least")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--database", choices=places.KINDS, default=places.SQLITE)
    parser.add_argument("--json", default="", help="file for the figures")
    parser.add_argument("--keep", default="", help="empty folder for all files, logs included; else they are removed")
    parser.add_argument("--list", action="store_true", help="list the crash points of all services, and end")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
