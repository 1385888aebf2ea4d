"""What a generation in flight occupies in memory: orchestrator, gateway, and the worker that watches its attempt.

    python -m bench.memory [--database sqlite|postgresql] [--generations 2000] [--json PATH]

Generations are made through the gateway and accepted by a provider that is never done with them; the worker is the one
that all providers share. Told is by how much the resident memory of each process has grown.
"""

import argparse
from typing import Any

from reelmesh_standalone import parts

from bench import command, endless, load, mesh, reports
from bench.endless import provider

WARM_UP = 200
KILOBYTE = 1000.0
KILOBYTES_AIM = 20.0
# A worker may be told to watch so many.
MOST_WATCHED = 10_000
WORKER = parts.Part("worker", endless.__name__)
ENDLESS = mesh.Wanted(
    worker=WORKER,
    provider=provider.NAME,
    stores=True,
    account_slots=MOST_WATCHED,
    told={"worker": {"watch_limit": MOST_WATCHED, "submit_slots": 32}},
)


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--generations", type=int, default=2000, help="in flight (default 2000)")
    return command.on_databases("memory", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> dict[str, Any]:
    """Measure on one kind of database."""
    generations: int = told.generations
    if not 0 < generations <= MOST_WATCHED - WARM_UP:
        raise ValueError(f"--generations must be 1 to {MOST_WATCHED - WARM_UP}")
    async with mesh.on_empty(kind, ENDLESS) as running, load.driver(running, until="attempt_accepted") as driver:
        await driver.burst(WARM_UP)
        before = running.resident_bytes()
        await driver.burst(generations)
        after = running.resident_bytes()
    rows = [
        {
            "process": service,
            "before MB": before[service] / KILOBYTE**2,
            "after MB": after[service] / KILOBYTE**2,
            "kB each": (after[service] - before[service]) / KILOBYTE / generations,
        }
        for service in before
    ]
    each = sum(float(row["kB each"]) for row in rows)
    print(f"\nmemory of {generations} generations in flight on {kind}")
    print(reports.table(rows))
    print(f"all: {each:.2f} kB each; aim {KILOBYTES_AIM:g} kB")
    return {"generations": generations, "kilobytes_each": round(each, 2), "processes": rows}


if __name__ == "__main__":
    raise SystemExit(main())
