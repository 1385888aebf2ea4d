"""What the mesh adds to each of a job's five steps when jobs come at a steady pace, whether or not others are done.

    python -m bench.pacing [--database sqlite|postgresql] [--rate 20] [--seconds 30] [--json PATH]

The provider and the encoder take no time, so that all of a job's time is the mesh's. Creates are begun on time (an open
loop): a mesh that falls behind shows it. The first step is timed by the caller, the others by the events of the job.
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

from reelmesh.v1 import generation_pb2

from bench import command, figures, load, mesh, reports

WARM_UP_JOBS = 40
# Each step ends with its event; the create ends when its caller has the answer.
STEPS = {
    "create": "created",
    "begin": "attempt_submitting",
    "record": "attempt_accepted",
    "finish": "attempt_succeeded",
    "process": "completed",
}
AIMS = {"p50 aim": 10.0, "p99 aim": 50.0}


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="jobs begun each second (default 20)")
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long (default 30)")
    return command.on_databases("pacing", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> dict[str, Any]:
    """Measure on one kind of database."""
    async with mesh.on_empty(kind) as running, load.driver(running) as driver:
        await driver.burst(WARM_UP_JOBS)
        paced = await driver.pace(told.rate, int(told.rate * told.seconds))
        histories = [await driver.history(generation_id) for generation_id in paced.generation_ids]
    steps = [steps_of(history) for history in histories]
    result = summarise(paced, steps)
    print(f"\n{told.rate:g} jobs a second on {kind}; milliseconds that the mesh adds")
    print(reports.table([{"step": name, **found} for name, found in result.items()]))
    return result


def steps_of(history: Sequence[generation_pb2.GenerationEvent]) -> dict[str, float]:
    """Return the seconds from the end of each step of a job to the end of the next.

    Raises:
        KeyError: an event is missing.
    """
    times = {event.type: event.create_time.ToNanoseconds() / 1e9 for event in history}
    names = list(STEPS)
    return {after: times[STEPS[after]] - times[STEPS[before]] for before, after in itertools.pairwise(names)}


def summarise(paced: load.Paced, steps: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return p50 and p99 of each step, of all steps together and of whole jobs."""
    named = {"create": list(paced.create_seconds)}
    named |= {name: [one[name] for one in steps] for name in STEPS if name != "create"}
    pooled = [seconds for durations in named.values() for seconds in durations]
    found = {name: figures.p50_p99_milliseconds(durations) for name, durations in named.items()}
    found["any step"] = {**figures.p50_p99_milliseconds(pooled), **AIMS}
    found["whole job"] = figures.p50_p99_milliseconds(paced.job_seconds)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
