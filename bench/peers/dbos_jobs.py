"""Five-step jobs as DBOS workflows, in one process: run by the Python in which DBOS is installed, told what by stdin.

Each line in is `<jobs> <concurrency>`; each line out is JSON with what that burst took. Every step does nothing, and
its outcome is recorded by DBOS before the next one begins.
"""

# pyright: basic
# DBOS is installed beside Python environments of ours, not in one.

import asyncio
import importlib.metadata
import json
import os
import resource
import sys
import time
import traceback

from dbos import DBOS, SetWorkflowID  # pyright: ignore[reportMissingImports]

STEPS = 5


@DBOS.step()
async def step(number: int) -> int:
    """Do nothing, durably."""
    return number


@DBOS.workflow()
async def job() -> int:
    """Do five steps in turn."""
    return sum([await step(number) for number in range(STEPS)])


async def burst(jobs: int, concurrency: int, first: int) -> dict:
    """Run `jobs` workflows, at most `concurrency` of them at a time."""
    left = iter(range(first, first + jobs))

    async def run_one_after_the_other() -> None:
        for number in left:
            with SetWorkflowID(f"job-{number}"):
                handle = await DBOS.start_workflow_async(job)
            assert await handle.get_result() == sum(range(STEPS))

    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(run_one_after_the_other() for _ in range(concurrency)))
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_seconds": wall, "cpu_seconds": cpu, "version": importlib.metadata.version("dbos")}


async def main(url: str) -> None:
    """Serve bursts until stdin ends."""
    DBOS(config={"name": "five-steps", "system_database_url": url, "log_level": "ERROR", "enable_otlp": False})
    DBOS.launch()
    done = 0
    # Between bursts nothing else is to be done: reading may block.
    while line := sys.stdin.readline():
        jobs, concurrency = map(int, line.split())
        print(json.dumps(await burst(jobs, concurrency, done)), flush=True)
        done += jobs


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except Exception:  # noqa: BLE001 - the outermost place, and DBOS has threads that would go on for ever
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
