"""Five-step jobs through the whole mesh: create, begin, record, finish, process.

    python -m bench.jobs [--database sqlite|postgresql] [--stored 100] [--jobs 500] [--runs 3] [--profile] [--json PATH]

Prints jobs per second, the processor time of one job by process and by what it went into, and the SQL of one job. With
--profile also the functions of the orchestrator that take most of its time.
"""

import argparse
import pathlib
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from bench import command, databases, figures, hops, load, mesh, reports, sampling, statements, stored

WARM_UP_JOBS = 30
COUNTED_JOBS = 50
COUNTED_CONCURRENCY = 4
PROFILE_LINES = 40
STORED = (100, 10_000, 100_000)
PYTHON = ("orchestrator", "gateway", "worker")
JOBS_PER_SECOND_AIMS = {databases.SQLITE: 60, databases.POSTGRESQL: 100}
CPU_MILLISECONDS_AIM = 8


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--stored", type=int, action="append", help=f"generations in the record; default: {STORED}")
    parser.add_argument("--jobs", type=int, default=500, help="jobs of one burst (default 500)")
    parser.add_argument("--runs", type=int, default=3, help="bursts at each size (default 3)")
    parser.add_argument("--concurrency", type=int, default=load.CONCURRENCY, help="jobs unfinished at a time")
    parser.add_argument("--profile", action="store_true", help="print the orchestrator's functions, too")
    return command.on_databases("jobs", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> dict[str, Any]:
    """Measure on one kind of database."""
    with tempfile.TemporaryDirectory(prefix="reelmesh-bench-") as name:
        folder = pathlib.Path(name)
        with databases.opened(kind, folder) as database:
            rows, spent = await run_plain(folder / "plain", database, told)
            counted = await count_statements(folder / "counted", database)
    print(f"\nSQL of one job on {kind}: " + ", ".join(f"{name} {count:g}" for name, count in counted.items()))
    return {"sizes": rows, "hops_cpu_ms_per_job": spent, "sql_per_job": counted}


async def run_plain(
    folder: pathlib.Path, database: databases.Database, told: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """Run all bursts at all sizes on one mesh, then one more that is sampled."""
    rows: list[dict[str, Any]] = []
    async with mesh.up(folder, database) as running, load.driver(running) as driver:
        await driver.burst(WARM_UP_JOBS, told.concurrency)
        for size in sorted(told.stored or STORED):
            there = await stored.fill(database.url, size)
            database.settle()
            await driver.burst(WARM_UP_JOBS, told.concurrency)
            bursts = [await driver.burst(told.jobs, told.concurrency) for _ in range(told.runs)]
            rows.append({"stored": there, **summarise(bursts)})
            print_row(database.kind, rows[-1])
        return rows, await sample(running, driver, folder, told)


def summarise(bursts: Sequence[load.Burst]) -> dict[str, Any]:
    """Return the medians over the bursts, and the best rate."""
    rates = [len(one.job_seconds) / one.wall_seconds for one in bursts]
    each = [figures.milliseconds_each(one.cpu_seconds, len(one.job_seconds)) for one in bursts]
    return {
        "jobs": len(bursts[0].job_seconds),
        "jobs_per_second": round(statistics.median(rates), 1),
        "best_jobs_per_second": round(max(rates), 1),
        "cpu_ms_per_job": {
            **figures.medians(each),
            "all": round(statistics.median(sum(one.values()) for one in each), 3),
        },
        "create": figures.p50_p99_milliseconds([seconds for one in bursts for seconds in one.create_seconds]),
        "job": figures.p50_p99_milliseconds([seconds for one in bursts for seconds in one.job_seconds]),
    }


def print_row(kind: str, row: Mapping[str, Any]) -> None:
    """For people: one size of one database."""
    print(f"\nfive-step jobs on {kind}, {row['stored']} stored, bursts of {row['jobs']}; CPU is ms of one job")
    rates = {
        "jobs/s": row["jobs_per_second"],
        "best": row["best_jobs_per_second"],
        "aim": JOBS_PER_SECOND_AIMS[kind],
    }
    print(reports.table([{**rates, **row["cpu_ms_per_job"], "aim of all": CPU_MILLISECONDS_AIM}]))
    for what in ("create", "job"):
        print(f"{what} in the burst: p50 {row[what]['p50_ms']:.1f} ms, p99 {row[what]['p99_ms']:.1f} ms")


async def sample(
    running: mesh.Mesh, driver: load.Driver, folder: pathlib.Path, told: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Run one more burst and look into the services; print and return what a job's time went into."""
    pids = {name: running.services[name].pid for name in PYTHON}
    try:
        async with sampling.sampled(pids, folder) as seen:
            await driver.burst(told.jobs, told.concurrency)
    except sampling.CannotSample as error:
        print(f"\nwhat the time went into cannot be told: {error}")
        return {}
    found = {
        name: figures.milliseconds_each(hops.by_hop(one.samples, one.thread_seconds), told.jobs)
        for name, one in seen.items()
    }
    print(f"\nwhat the Python processes' time goes into on {running.database.kind}, CPU ms of one job")
    print(reports.table([{"process": name, **spent, "all": sum(spent.values())} for name, spent in found.items()]))
    if told.profile:
        print_functions(seen["orchestrator"], told.jobs)
    return found


def print_functions(seen: sampling.Seen, jobs: int) -> None:
    """Print the functions of a process that take most time: by themselves, and ours with all that they call."""
    found = hops.functions(seen.samples, seen.thread_seconds)
    ours = sorted((one for one in found if one.name.startswith("reelmesh_")), key=lambda one: -one.total)
    for title, chosen in (("by their own time", found), ("of ours, by the time of all they call", ours)):
        rows = [
            {
                "own ms": one.own * figures.MILLISECONDS / jobs,
                "total ms": one.total * figures.MILLISECONDS / jobs,
                "function": one.name,
            }
            for one in chosen[:PROFILE_LINES]
        ]
        print(f"\nfunctions of the orchestrator {title}, CPU ms of one job")
        print(reports.table(rows))


async def count_statements(folder: pathlib.Path, database: databases.Database) -> dict[str, float]:
    """Run a few jobs with the database counting; return what one takes."""
    statements.log_all(database)
    async with mesh.up(folder, database, mesh.Wanted(counted=True)) as running, load.driver(running) as driver:
        await driver.burst(WARM_UP_JOBS, COUNTED_CONCURRENCY)
        counting = statements.Counting(running)
        counting.begin()
        await driver.burst(COUNTED_JOBS, COUNTED_CONCURRENCY)
        return (await counting.end()).per_job(COUNTED_JOBS)


if __name__ == "__main__":
    raise SystemExit(main())
