"""Five-step jobs through the whole mesh: create, begin, record, finish, process.

    python -m bench.jobs [--database sqlite|postgresql] [--jobs 500] [--runs 3] [--profile] [--json PATH]

Prints jobs per second and the processor time of one job, process by process. With --profile one more burst runs under
instruments: then also SQL statements and transactions of a job, and the functions of the orchestrator that take most
processor time.
"""

import argparse
import asyncio
import pathlib
import pstats
import statistics
import tempfile
from collections.abc import Sequence
from typing import Any

from bench import databases, figures, load, mesh, reports, serving

WARM_UP_JOBS = 30
PROFILE_JOBS = 100
# Instruments make everything slower: fewer jobs at a time, so that none waits for long.
PROFILE_CONCURRENCY = 8
PROFILE_LINES = 45


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=databases.KINDS, action="append", help="default: both in turn")
    parser.add_argument("--jobs", type=int, default=500, help="jobs of one burst (default 500)")
    parser.add_argument("--runs", type=int, default=3, help="bursts (default 3)")
    parser.add_argument("--concurrency", type=int, default=load.CONCURRENCY, help="jobs unfinished at a time")
    parser.add_argument("--profile", action="store_true", help="look into one more burst")
    reports.add_arguments(parser)
    told = parser.parse_args()
    results = {kind: asyncio.run(measure(kind, told)) for kind in told.database or databases.KINDS}
    if told.json:
        reports.write_json(told.json, "jobs", results)
    return 0


async def measure(kind: str, told: argparse.Namespace) -> dict[str, Any]:
    """Measure on one kind of database."""
    with tempfile.TemporaryDirectory(prefix="reelmesh-bench-") as name:
        folder = pathlib.Path(name)
        with databases.opened(kind, folder) as database:
            bursts = await run_bursts(folder / "plain", database, told)
            result = summarise(bursts)
            print_result(kind, result)
            if told.profile:
                result["instruments"] = await look_into(folder / "instrumented", database)
    return result


async def run_bursts(folder: pathlib.Path, database: databases.Database, told: argparse.Namespace) -> list[load.Burst]:
    """Run a mesh, warm it up, and run all bursts on it."""
    async with (
        mesh.up(folder, database) as running,
        load.caller(running) as calling,
        load.Endings().heard(running) as endings,
    ):
        await load.burst(running, calling, endings, WARM_UP_JOBS, told.concurrency)
        return [await load.burst(running, calling, endings, told.jobs, told.concurrency) for _ in range(told.runs)]


def summarise(bursts: Sequence[load.Burst]) -> dict[str, Any]:
    """Return the medians over the bursts, and the best rate."""
    rates = [len(one.job_seconds) / one.wall_seconds for one in bursts]
    each = [figures.milliseconds_each(one.cpu_seconds, len(one.job_seconds)) for one in bursts]
    median = figures.medians(each)
    return {
        "jobs": len(bursts[0].job_seconds),
        "jobs_per_second": round(statistics.median(rates), 1),
        "best_jobs_per_second": round(max(rates), 1),
        "cpu_ms_per_job": {**median, "all": round(statistics.median(sum(one.values()) for one in each), 3)},
        "create": figures.p50_p99_milliseconds([seconds for one in bursts for seconds in one.create_seconds]),
        "job": figures.p50_p99_milliseconds([seconds for one in bursts for seconds in one.job_seconds]),
    }


def print_result(kind: str, result: dict[str, Any]) -> None:
    """For people."""
    print(f"\nfive-step jobs on {kind}: {result['jobs']} in a burst")
    row = {"jobs/s": result["jobs_per_second"], "best": result["best_jobs_per_second"]}
    print(reports.table([{**row, **{f"{name} CPU ms": spent for name, spent in result["cpu_ms_per_job"].items()}}]))
    for what in ("create", "job"):
        print(f"{what}: p50 {result[what]['p50_ms']:.1f} ms, p99 {result[what]['p99_ms']:.1f} ms (in the burst)")


async def look_into(folder: pathlib.Path, database: databases.Database) -> dict[str, Any]:
    """Run one burst under instruments; print and return what they saw."""
    async with (
        mesh.up(folder, database, mesh.Wanted(instrumented=True)) as running,
        load.caller(running) as calling,
        load.Endings().heard(running) as endings,
    ):
        await load.burst(running, calling, endings, WARM_UP_JOBS, PROFILE_CONCURRENCY)
        running.clear_instruments()
        seen = await load.burst(running, calling, endings, PROFILE_JOBS, PROFILE_CONCURRENCY)
        counts = await running.read_instruments()
        each = {name: round(count / PROFILE_JOBS, 2) for name, count in counts["orchestrator"].items()}
        print(f"\nSQL of one job on {database.kind}: " + ", ".join(f"{name} {count}" for name, count in each.items()))
        print("\norchestrator under cProfile, processor seconds of", PROFILE_JOBS, "jobs:")
        profile = pstats.Stats(str(running.instruments("orchestrator") / serving.PROFILE))
        profile.sort_stats("tottime").print_stats(PROFILE_LINES)
        profile.sort_stats("cumtime").print_stats("reelmesh_", PROFILE_LINES)
        return {"jobs": PROFILE_JOBS, "sql_per_job": each, "cpu_seconds": seen.cpu_seconds}


if __name__ == "__main__":
    raise SystemExit(main())
