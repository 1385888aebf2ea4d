"""What it takes when workers are told to end (SIGTERM), with work in flight: nothing is lost, others go on at once.

    python -m bench.draining [--generations 20] [--json PATH]

A whole mesh on loopback with the leases of production (renewed every 5 s, lapsing after 15 s), two workers of Runway
over HTTP to a simulated vendor, and two of media; all four are processes of their own. Measured from the signal:

watched     a worker watches accepted jobs and is told to end: `ended` is when its process has, `taken over` when
            another one holds every job by the record, `looked at` when the vendor was asked about each of them again
            after the process ended (looks are a second apart, so that this says when looking resumed)
submits     what is asked for at the same moment: `accepted` is when the vendor has all of it
media       a worker runs a step and is told to end: whether it finished it or gave it back, and when that was done or
            taken up by the other

It fails where a job was created twice, or a generation does not end with a video.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import os
import pathlib
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

from reelmesh_kit import chance, clock, ids
from reelmesh_simulators import catalogue, ledger, orders, serving, vendor
from typing_extensions import override

from bench import command, reports
from tests.e2e import caller as callers
from tests.e2e import mesh as meshes

GENERATIONS = 20
PATIENCE_SECONDS = 240.0
AIM_SECONDS = 2.0
RUNWAY, MEDIA = "provider-runway", "media"
RENDER_SECONDS = 25.0
OUTPUT = {"width": 1280, "height": 720, "duration_seconds": 2}
# Long enough for its ladder to be met at work.
LONG = {"width": 1280, "height": 720, "duration_seconds": 10}
CARD = """
recovery = "NONE"
cancellable = true
gone = { times = 3, over_seconds = 2 }
pace = { first_seconds = 1, longest_seconds = 1, growth = 1.0 }
[[models]]
model = "gen4.5"
shortest_seconds = 2
longest_seconds = 10
durations_seconds = [2, 5, 10]
sizes = ["1280x720"]
seed = true
longest_prompt = 1000
longest_render_seconds = 120
seconds_per_second = 1
[[models.prices]]
effective_on = 2025-01-01
micros_per_second = 120000
"""
ACCOUNTS = """
accounts:
  - {id: studio, provider: runway, endpoint: "URL", secret: BENCH_RUNWAY_KEY, slots: 200}
"""


class Broken(Exception):
    """A job was created twice, or a generation has no video."""


class Watched(vendor.Vendor):
    """Notes when it was asked about each job last."""

    looked: dict[str, float]

    @override
    async def look(self, account: str, job_id: str) -> vendor.Look:
        self.looked = {**getattr(self, "looked", {}), job_id: _now()}
        return await super().look(account, job_id)


@dataclasses.dataclass
class Scene:
    """The mesh, and who it pays."""

    mesh: meshes.Mesh
    vendor: Watched

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the orchestrator's record says."""
        file = self.mesh.folder / "orchestrator-0" / "orchestrator.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10.0)) as connection:
            return connection.execute(query, values).fetchall()

    def worker_ids(self, name: str) -> list[str]:
        """Return the lives of a worker."""
        return [row[0] for row in self.rows("SELECT worker_id FROM leases WHERE name = ?", name)]

    async def create(self, prompts: Sequence[str], output: dict[str, Any]) -> list[str]:
        """Ask for videos; return the ids of their generations."""
        return [(await self.mesh.caller.create(prompt, output, model="runway"))["id"] for prompt in prompts]


def main() -> int:
    """Run the benchmark."""
    parser = command.parser(__doc__)
    parser.add_argument("--generations", type=int, default=GENERATIONS, help=f"in flight (default {GENERATIONS})")
    told = parser.parse_args()
    rows = asyncio.run(measure(told))
    print(f"\nWorkers that are told to end, with {told.generations} generations in flight; seconds after the signal")
    print(reports.table(rows))
    print(f"aim: taken over and looked at again within {AIM_SECONDS:g} s of the end of the worker")
    command.keep("draining", told, rows)
    return 0


async def measure(told: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure one after the other; return a row for each.

    Raises:
        Broken: a promise is.
    """
    with tempfile.TemporaryDirectory(prefix="reelmesh-draining-") as name:
        async with _running(pathlib.Path(name)) as scene:
            rows = await _watched(scene, told.generations)
            return [*rows, await _media(scene)]


@contextlib.asynccontextmanager
async def _running(folder: pathlib.Path) -> AsyncGenerator[Scene]:
    os.environ["BENCH_RUNWAY_KEY"] = "key-1"  # noqa: TID251 - what the workers inherit
    pace = orders.Pace(queue_seconds=0.1, render_seconds=RENDER_SECONDS)
    seller = Watched(ledger.Ledger(), clock.SystemClock(), chance.SeededChance(1), ids.SeededIds(1), pace)
    async with serving.serve(catalogue.DIALECTS["runway"](seller), seller) as served:
        accounts, card = folder / "accounts.yaml", folder / "card.toml"
        accounts.write_text(ACCOUNTS.replace("URL", served.url))
        card.write_text(CARD)
        leases = {"lease_seconds": 15.0, "renew_seconds": 5.0, "step_seconds": 60.0}
        wanted = meshes.Wanted(
            media=2,
            paid=(RUNWAY, RUNWAY),
            told={
                "orchestrator": {"accounts_file": accounts, **leases},
                RUNWAY: {"accounts_file": accounts, "runway_card_file": card, "submit_slots": 8, "drain_seconds": 10.0},
                MEDIA: {"drain_seconds": 10.0},
            },
            apart=frozenset({f"{RUNWAY}-0", f"{RUNWAY}-1", f"{MEDIA}-0", f"{MEDIA}-1"}),
        )
        async with meshes.up(folder, wanted) as mesh:
            yield Scene(mesh, seller)
    seller.ledger.close()


async def _watched(scene: Scene, count: int) -> list[dict[str, Any]]:
    """Have a worker end that watches jobs, and ask for as many more at the same moment."""
    asked = await scene.create([f"Film number {number}" for number in range(count)], OUTPUT)
    await _until(lambda: len(_jobs(scene)) == count, "all are accepted")
    first = set(_jobs(scene))
    held = {number: _watched_by(scene, number) for number in (0, 1)}
    number = max(held, key=lambda each: held[each])
    began = _now()
    ending = asyncio.create_task(scene.mesh.apart(RUNWAY, number).stop())
    more = asyncio.create_task(scene.create([f"More number {each}" for each in range(count)], OUTPUT))
    await _until(lambda: not _watched_by(scene, number) and not _unwatched(scene), "all are taken over")
    taken_over = _now() - began
    await ending
    ended = _now()
    await _until(lambda: all(scene.vendor.looked.get(job, 0.0) > ended for job in first), "all are looked at")
    looked = [scene.vendor.looked[job] - began for job in first]
    asked += await more
    await _until(lambda: len(_jobs(scene)) == 2 * count, "all that came later are accepted")
    accepted = _now() - began
    await _have_videos(scene, asked)
    await scene.mesh.apart(RUNWAY, number).start()
    return [
        {
            "what": "watched",
            "jobs": held[number],
            "ended": ended - began,
            "taken over": taken_over,
            "looked at": max(looked),
            "how": "handed over",
        },
        {"what": "submits", "jobs": count, "ended": None, "taken over": accepted, "looked at": None, "how": "accepted"},
    ]


async def _media(scene: Scene) -> dict[str, Any]:
    """Have a worker of media end that runs a step."""
    asked = await scene.create(["A long film"], LONG)

    def ladder() -> tuple[Any, ...] | None:
        found = scene.rows("SELECT id, worker_id FROM steps WHERE kind = 'LADDER' AND state = 'RUNNING'")
        return found[0] if found else None

    step, worker_id = await _until(ladder, "its renditions are made")
    number = next(each for each in (0, 1) if worker_id in scene.worker_ids(f"{MEDIA}-{each}"))
    began = _now()
    ending = asyncio.create_task(scene.mesh.apart(MEDIA, number).stop())

    def gone_on() -> str:
        ((state, holder),) = scene.rows("SELECT state, worker_id FROM steps WHERE id = ?", step)
        if state == "DONE":
            return "finished" if holder == worker_id else "given back"
        return "given back" if state == "RUNNING" and holder != worker_id else ""

    how = await _until(gone_on, "the step goes on")
    taken_over = _now() - began
    await ending
    ended = _now() - began
    await _have_videos(scene, asked)
    return {"what": "media", "jobs": 1, "ended": ended, "taken over": taken_over, "looked at": None, "how": how}


def _jobs(scene: Scene) -> list[str]:
    """Return the vendor's jobs.

    Raises:
        Broken: one request has made two.
    """
    lines = scene.vendor.ledger.lines(scene.vendor.now)
    if any(len(line.job_ids) > 1 for line in lines):
        raise Broken("a request was made twice")
    return [job for line in lines for job in line.job_ids]


def _watched_by(scene: Scene, number: int) -> int:
    lives = scene.worker_ids(f"{RUNWAY}-{number}")
    marks = ",".join("?" * len(lives))
    query = f"SELECT COUNT(*) FROM attempts WHERE state = 'ACCEPTED' AND watcher_id IN ({marks})"  # noqa: S608
    return int(scene.rows(query, *lives)[0][0])


def _unwatched(scene: Scene) -> int:
    return int(scene.rows("SELECT COUNT(*) FROM attempts WHERE state = 'ACCEPTED' AND watcher_id = ''")[0][0])


async def _have_videos(scene: Scene, asked: Sequence[str]) -> None:
    caller = cast("Any", scene.mesh.caller)
    for each in asked:
        done: dict[str, Any] = await caller.ended(each, PATIENCE_SECONDS)
        if done["delivery"] != "VIDEO":
            raise Broken(f"{each} ended as {done['state']} with {done['delivery']}")
    _jobs(scene)


async def _until(condition: callers.Condition, what: str) -> Any:
    return await callers.until(condition, what, PATIENCE_SECONDS)


def _now() -> float:
    return clock.SystemClock().elapsed()


if __name__ == "__main__":
    raise SystemExit(main())
