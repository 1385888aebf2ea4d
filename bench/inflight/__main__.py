"""How soon one worker knows that a job has ended, with thousands in flight, and what watching them takes.

    python -m bench.inflight [--generations 5000] [--spread 240] [--lead 220] [--scene polling …] [--json PATH]

The worker is the real service in a process of its own, over HTTP to a simulated vendor in another; with webhooks the
real gateway takes them and nudges over a real NATS. An orchestrator, storage and media in memory stand behind it, by
gRPC: what they take is not measured. Ends are spread evenly over `--spread` seconds, which begin `--lead` seconds after
the first submit. Told is the time from the end at the vendor until the orchestrator is told, the clip fetched and
stored in between; the worker's processor time during the spread; and its memory for each generation.

It fails where a job was created twice, or is not known at the end.
"""

import argparse
import asyncio
import contextlib
import pathlib
import tempfile
from typing import Any

from reelmesh_kit import chance, errors, process, settings
from reelmesh_provider import consumer, wire

from bench import command, figures, processes, reports
from bench.inflight import scenes

GENERATIONS = 5000
WARM_UP = 100
# So many are under way from the bus to the vendor.
OPEN_SUBMITS = 64
PATIENCE_SECONDS = 180.0
KILOBYTE = 1000.0
KILOBYTES_AIM = 20.0
DEFAULT_SCENES = ("polling", "webhooks")


class Broken(Exception):
    """A job was created twice, or is not known."""


def main() -> int:
    """Run the benchmark."""
    parser = command.parser(__doc__)
    parser.add_argument("--generations", type=int, default=GENERATIONS, help=f"in flight (default {GENERATIONS})")
    parser.add_argument("--spread", type=float, default=240.0, help="seconds over which they end (default 240)")
    parser.add_argument("--lead", type=float, default=220.0, help="seconds before the first ends (default 220)")
    parser.add_argument("--scene", choices=scenes.SCENES, action="append", help="default: polling, then webhooks")
    told = parser.parse_args()
    if not WARM_UP < told.generations <= scenes.MOST_WATCHED:
        parser.error(f"--generations must be {WARM_UP + 1} to {scenes.MOST_WATCHED}")
    rows = [asyncio.run(measure(scenes.SCENES[name], told)) for name in told.scene or DEFAULT_SCENES]
    print(f"\n{told.generations} generations in flight in one worker, ending over {told.spread:g} s")
    print(reports.table(rows))
    aims = ", ".join(f"{scenes.SCENES[row['how']].p99_aim_seconds:g} s ({row['how']})" for row in rows)
    print(f"aims: p99 {aims}; {KILOBYTES_AIM:g} kB each")
    command.keep("inflight", told, rows)
    return 0


async def measure(scene: scenes.Scene, told: argparse.Namespace) -> dict[str, Any]:
    """Run one scene and return its row.

    Raises:
        Broken: a promise is.
    """
    own = process.chassis("bench", settings.ServiceSettings())
    with tempfile.TemporaryDirectory(prefix="reelmesh-inflight-") as name, contextlib.ExitStack() as closing:
        closing.callback(own.telemetry.shutdown)
        async with scenes.running(scene, pathlib.Path(name), own) as running:
            return await _measured(running, told)


async def _measured(running: scenes.Running, told: argparse.Namespace) -> dict[str, Any]:
    own, mesh, pid = running.own, running.mesh, running.worker.pid
    count: int = told.generations
    first_end = own.clock.elapsed() + told.lead
    ends = [first_end + told.spread * number / count for number in range(count)]
    # In no order that a list could have.
    luck = chance.SeededChance(1)
    ends.sort(key=lambda _: luck.uniform(0, 1))
    await _submit(running, ends, 0, WARM_UP)
    before = processes.resident_bytes(pid)
    await _submit(running, ends, WARM_UP, count)
    in_flight, after = count - len(mesh.known), processes.resident_bytes(pid)
    polls_from = (await running.ledger())["asked"]
    await own.clock.sleep(max(0.0, first_end - own.clock.elapsed()))
    began, cpu_from = own.clock.elapsed(), processes.cpu_seconds(pid)
    while len(mesh.known) < count and own.clock.elapsed() < first_end + told.spread + PATIENCE_SECONDS:
        await own.clock.sleep(0.25)
    cpu, seconds = processes.cpu_seconds(pid) - cpu_from, own.clock.elapsed() - began
    book = await running.ledger()
    late = _latencies(mesh, book, count)
    looks = sum(book["asked"].get(verb, 0) - polls_from.get(verb, 0) for verb in ("look", "list"))
    return {
        "how": running.scene.name,
        "vendor": running.scene.dialect,
        "in flight": in_flight,
        "p50 s": figures.percentile(late, 50),
        "p99 s": figures.percentile(late, 99),
        "max s": max(late),
        "CPU %": cpu / seconds * 100,
        "looks/s": looks / seconds,
        "RSS MB": after / KILOBYTE**2,
        "kB each": (after - before) / KILOBYTE / (count - WARM_UP),
    }


async def _publish(running: scenes.Running, subject: str, payload: bytes, message_id: str) -> None:
    """Publish a task; again, under the same id, where a disk that is busy with other things lets it time out."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(errors.Unavailable):
                return await running.link.publish(subject, payload, message_id=message_id)


async def _submit(running: scenes.Running, ends: list[float], first: int, last: int) -> None:
    """Dispatch generations, and return once the vendor has accepted them."""
    mesh, own, subject = running.mesh, running.own, consumer.subject(running.scene.provider)
    for number in range(first, last):
        while number - mesh.accepted >= OPEN_SUBMITS:
            await own.clock.sleep(0.02)
        task = scenes.task(running.scene, number, max(0.0, ends[number] - own.clock.elapsed()))
        mesh.dispatch(task)
        await _publish(running, subject, wire.task_to(task).SerializeToString(), task.attempt_id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while mesh.accepted < last:
            await own.clock.sleep(0.05)


def _latencies(mesh: scenes.Mesh, book: dict[str, Any], count: int) -> list[float]:
    """Return how long after its end each job was known.

    Raises:
        Broken: one was created twice, or is not known.
    """
    jobs = book["jobs"]
    unknown = [job["job_id"] for job in jobs if job["job_id"] not in mesh.known]
    wrong = [row.task.attempt_id for row in mesh.rows.values() if not row.ending or row.ending.outcome != "SUCCEEDED"]
    if len(jobs) != count or unknown or wrong:
        raise Broken(
            f"{count} generations, {len(jobs)} jobs at the vendor, {len(unknown)} not known, {len(wrong)} not a success"
        )
    return [mesh.known[job["job_id"]] - job["ends"] for job in jobs]


if __name__ == "__main__":
    raise SystemExit(main())
