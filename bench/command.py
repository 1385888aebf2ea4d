"""What the commands of the benchmarks have in common: what they can be told, and what becomes of their results."""

import argparse
import asyncio
import os
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

from bench import databases, reports, speed

# `make bench JSON=path`; a benchmark that is run by itself may be told by --json, too.
JSON_VARIABLE = "JSON"
Measure = Callable[[str, argparse.Namespace], Awaitable[Any]]


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser that describes itself by a module's docstring, and knows --json."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    told = os.environ.get(JSON_VARIABLE)  # noqa: TID251 - make hands its variable over
    made.add_argument(
        "--json",
        type=pathlib.Path,
        metavar="PATH",
        default=pathlib.Path(told) if told else None,
        help="write the results there too (also: JSON=PATH); other benchmarks' results in the file stay",
    )
    return made


def on_databases(name: str, made: argparse.ArgumentParser, measure: Measure) -> int:
    """Run a benchmark on one database after the other, and keep its results; it raises when something breaks."""
    made.add_argument("--database", choices=databases.KINDS, action="append", help="default: both in turn")
    told = made.parse_args()
    chosen = told.database or databases.KINDS
    keep(name, told, {kind: asyncio.run(_measured(measure, kind, told)) for kind in chosen})
    return 0


def keep(name: str, told: argparse.Namespace, results: Any) -> None:
    """Tell how fast the machine is; write the results to where the command line or the environment wants them."""
    reference = speed.reference_milliseconds()
    print(f"\nthe machine: {reference} ms of processor time for a fixed piece of work, on all cores at once")
    if told.json:
        reports.write_json(told.json, name, results, reference)


async def _measured(measure: Measure, kind: str, told: argparse.Namespace) -> Any:
    return await measure(kind, told)
