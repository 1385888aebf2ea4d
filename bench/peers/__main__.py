"""Five-step jobs of DBOS and of ours, on the same databases, in turn: `make bench-peers`.

    python -m bench.peers [--database sqlite|postgresql] [--jobs 300] [--runs 3] [--json PATH]

DBOS runs as a library in one process: its workflows are started there, and each of five steps that do nothing is
recorded before the next begins; on SQLite with the settings that DBOS gives it. Ours is the whole mesh: a create by
gRPC through the gateway, leave to submit, record, finish, and the encoder's step, with the messages between services
and their worker. So DBOS does less. Told of both is the processor time of all that take part, the database included.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import statistics
import tempfile
from collections.abc import AsyncGenerator
from typing import Any

from bench import command, databases, figures, jobs, load, mesh, processes, reports

PYTHON = pathlib.Path(".peers/bin/python")
DBOS_SCRIPT = pathlib.Path(__file__).parent / "dbos_jobs.py"
DATABASE = "dbos"
WARM_UP_JOBS = 30


class Missing(Exception):
    """DBOS is not installed."""


def main() -> int:
    """Run the comparison; it raises when something breaks.

    Raises:
        Missing: see there.
    """
    if not PYTHON.exists():
        raise Missing(f"there is no {PYTHON}: make bench-peers installs it")
    parser = command.parser(__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="jobs of one burst (default 300)")
    parser.add_argument("--runs", type=int, default=3, help="bursts of each (default 3)")
    parser.add_argument("--concurrency", type=int, default=load.CONCURRENCY, help="jobs unfinished at a time")
    return command.on_databases("peers", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """Let both do the same number of jobs on one kind of database."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="reelmesh-bench-") as name:
        folder = pathlib.Path(name)
        with databases.opened(kind, folder) as database:
            rows.append(await run_dbos(database, folder, told))
            rows.append(await run_ours(database, folder / "mesh", told))
    print(f"\nfive-step jobs on {kind}, bursts of {told.jobs}, {told.concurrency} at a time; CPU is ms of one job")
    print(reports.table(rows))
    return rows


async def run_ours(database: databases.Database, folder: pathlib.Path, told: argparse.Namespace) -> dict[str, Any]:
    """Run bursts on a mesh."""
    async with mesh.up(folder, database) as running, load.driver(running) as driver:
        await driver.burst(WARM_UP_JOBS, told.concurrency)
        found = jobs.summarise([await driver.burst(told.jobs, told.concurrency) for _ in range(told.runs)])
    return {
        "system": "reelmesh, the whole mesh",
        "jobs/s": found["jobs_per_second"],
        "best": found["best_jobs_per_second"],
        "CPU": found["cpu_ms_per_job"]["all"],
    }


async def run_dbos(database: databases.Database, folder: pathlib.Path, told: argparse.Namespace) -> dict[str, Any]:
    """Run bursts of workflows in a process of their own."""
    async with dbos(_dbos_url(database, folder)) as child:
        await _burst(child, database, WARM_UP_JOBS, told.concurrency)
        bursts = [await _burst(child, database, told.jobs, told.concurrency) for _ in range(told.runs)]
    rates = [told.jobs / one["wall_seconds"] for one in bursts]
    spent = [one["cpu_seconds"] * figures.MILLISECONDS / told.jobs for one in bursts]
    return {
        "system": f"DBOS {bursts[0]['version']}, one process",
        "jobs/s": round(statistics.median(rates), 1),
        "best": round(max(rates), 1),
        "CPU": round(statistics.median(spent), 3),
    }


@contextlib.asynccontextmanager
async def dbos(url: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Yield the process that runs DBOS; it ends with its stdin."""
    child = await asyncio.create_subprocess_exec(
        *(str(PYTHON), str(DBOS_SCRIPT), url), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    try:
        yield child
    finally:
        child.stdin.close()
        await child.wait()


async def _burst(
    child: asyncio.subprocess.Process, database: databases.Database, jobs: int, concurrency: int
) -> dict[str, Any]:
    """Run one burst; the database's processor time is added to what the process itself tells."""
    assert child.stdin is not None
    assert child.stdout is not None
    before = _server_seconds(database)
    child.stdin.write(f"{jobs} {concurrency}\n".encode())
    line = await child.stdout.readline()
    if not line:
        raise RuntimeError("DBOS broke: see above")
    told: dict[str, Any] = json.loads(line)
    return {**told, "cpu_seconds": told["cpu_seconds"] + _server_seconds(database) - before}


def _server_seconds(database: databases.Database) -> float:
    return processes.cpu_seconds(database.pid) if database.pid else 0.0


def _dbos_url(database: databases.Database, folder: pathlib.Path) -> str:
    if database.server is None:
        return f"sqlite:///{folder / 'dbos.sqlite'}"
    database.server.run(f"CREATE DATABASE {DATABASE}")
    return database.server.url(DATABASE).replace("postgresql://", "postgresql+psycopg://", 1)


if __name__ == "__main__":
    raise SystemExit(main())
