"""Injects faults at every vendor, kills workers inside their submits, and counts what was paid: `make chaos-money`."""

import argparse
import asyncio
import logging
import pathlib
import signal
import sys
import tempfile

from tests.chaos_money import dialects, faults, films, reporting, running

EXIT_OK, EXIT_BROKEN = 0, 1
EXIT_ENDED = 128 + signal.SIGTERM
INJECTED = 1000
# Of the ten minutes that it may take, some go into the start, and into the last films.
MINUTES = 7.5
LAST_FILMS_SECONDS = 60.0
PARALLEL = 12
DEADLINE_SECONDS = 90.0
DOUBTFUL_SECONDS = 180.0


def main(words: list[str]) -> int:
    """Run what the words ask for; return 0 when every promise was kept."""
    # Connections that the vendors break are what is wanted.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    asked = _arguments().parse_args(words)
    rows = [(one, fault) for one in dialects.ALL for fault in faults.ALL if one.signed or not fault.telling]
    if asked.dialect:
        rows = [(one, fault) for one, fault in rows if one.name in asked.dialect]
    if asked.fault:
        rows = [(one, fault) for one, fault in rows if fault.name in asked.fault]
    chosen = {one.name for one, _ in rows}
    asking = asked.minutes * 60
    over = asking + LAST_FILMS_SECONDS
    limits = films.Limits(
        PARALLEL,
        DEADLINE_SECONDS,
        film_seconds=over,
        asking_seconds=asking,
        doubtful_seconds=DOUBTFUL_SECONDS,
        over_seconds=over,
    )
    plan = running.Plan(asked.faults, asked.seed, limits, rows, door=running.DOOR in chosen and not asked.fault)
    with tempfile.TemporaryDirectory(prefix="reelmesh-money-", ignore_cleanup_errors=True) as folder:
        home = pathlib.Path(asked.keep or folder)
        try:
            report = asyncio.run(_lived_through(plan, home))
        except asyncio.CancelledError:
            return EXIT_ENDED
    print("\n".join(reporting.lines(report)))
    if asked.json:
        pathlib.Path(asked.json).write_text(reporting.as_json(report) + "\n")
    return EXIT_BROKEN if report.broken else EXIT_OK


async def _lived_through(plan: running.Plan, home: pathlib.Path) -> running.Report:
    """Whoever ends us ends everything that we have started: by a cancel, which every task has time to obey."""
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    return await running.report_of(plan, home, lambda line: print(line, file=sys.stderr, flush=True))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("chaos-money", description=__doc__)
    parser.add_argument("--faults", type=int, default=INJECTED, help="faults that are injected at least")
    parser.add_argument("--seed", type=int, default=1, help="what chance is drawn from")
    parser.add_argument("--dialect", action="append", choices=[one.name for one in dialects.ALL], help="default: all")
    parser.add_argument("--fault", action="append", choices=list(faults.BY_NAME), help="default: all")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="after which no more is asked for")
    parser.add_argument("--json", default="", help="file for the figures")
    parser.add_argument("--keep", default="", help="empty folder for all files, logs included; else they are removed")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
