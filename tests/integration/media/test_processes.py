"""Worker processes: whatever happens in one, the caller gets a result or a typed error, and the next job runs."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from reelmesh_kit import clock as clock_port
from reelmesh_media.engine import ladder, probe, processes
from reelmesh_media.model import lanes, refusals
from reelmesh_media.model.ladder import LadderRequest, Progress

from tests.unit.media import clips, jobs

QUICK = lanes.Lane(
    name="test",
    workers=1,
    waiting=1,
    memory_bytes=1024 * lanes.MEBIBYTE,
    file_bytes=64 * lanes.MEBIBYTE,
    cpu_seconds=60,
    stall_seconds=20.0,
    niceness=0,
    jobs_per_process=100,
    reports=False,
)


def lane(**changes: object) -> processes.Processes:
    settings = {name: getattr(QUICK, name) for name in lanes.Lane.__slots__}
    return processes.Processes(lanes.Lane(**{**settings, **changes}), clock_port.SystemClock())


async def test_a_process_serves_many_jobs_and_is_not_this_one() -> None:
    async with lane() as quick:
        first, second = await quick.run(jobs.pid), await quick.run(jobs.pid)
    assert first == second != os.getpid()


async def test_a_process_is_replaced_after_its_share_of_jobs() -> None:
    async with lane(jobs_per_process=1) as quick:
        assert await quick.run(jobs.pid) != await quick.run(jobs.pid)


async def test_a_killed_worker_is_a_typed_error_and_the_next_job_runs() -> None:
    async with lane() as quick:
        with pytest.raises(refusals.WorkerDied, match="SIGKILL"):
            await quick.run(jobs.die)
        with pytest.raises(refusals.WorkerDied, match="exit code 3"):
            await quick.run(jobs.leave)
        assert await quick.run(jobs.pid) > 0


@pytest.mark.parametrize(("job", "said"), [(jobs.abort, "SIGABRT"), (jobs.read_nowhere, "SIGSEGV")])
async def test_a_crash_in_c_ends_its_process_and_no_other_work(job: Callable[[], None], said: str) -> None:
    async with lane(workers=2, reports=True) as both:
        other = asyncio.create_task(both.run(jobs.work_slowly, 4, 0.25))
        with pytest.raises(refusals.WorkerCrashed, match=said):
            await both.run(job)
        assert await other == "done"
        assert await both.run(jobs.work_slowly, 1, 0.0) == "done"


async def test_refusals_arrive_as_they_were_raised_and_bugs_with_their_traceback() -> None:
    async with lane() as quick:
        with pytest.raises(refusals.BrokenVideo, match="torn in two"):
            await quick.run(jobs.refuse)
        with pytest.raises(refusals.WorkerFailed, match="a bug"):
            await quick.run(jobs.err)
        with pytest.raises(refusals.WorkerFailed, match="pickle"):
            await quick.run(jobs.answer_unreadably)
        with pytest.raises(FileNotFoundError):
            await quick.run(probe.probe, Path("/nowhere/clip.mp4"))
        assert await quick.run(jobs.pid) > 0


async def test_a_silent_job_is_stopped_and_a_slow_one_that_reports_is_not() -> None:
    async with lane(stall_seconds=1.5) as quick:
        await quick.run(jobs.pid)
        with pytest.raises(refusals.WorkerStalled, match=r"1\.5 s"):
            await quick.run(jobs.hang)
    seen: list[Progress] = []
    async with lane(stall_seconds=2.0, reports=True) as slow:
        assert await slow.run(jobs.work_slowly, 9, 0.25, on_progress=seen.append) == "done"
    assert seen[-1] == Progress("slow", 1.0)


async def test_cancelling_kills_the_process_and_frees_its_place() -> None:
    async with lane() as quick:
        pid = await quick.run(jobs.pid)
        hanging = asyncio.create_task(quick.run(jobs.hang))
        await asyncio.wait({hanging}, timeout=0.3)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert await quick.run(jobs.pid) != pid


async def test_memory_and_processor_time_are_limited() -> None:
    async with lane(cpu_seconds=1) as quick:
        with pytest.raises(refusals.WorkerDied, match="memory"):
            await quick.run(jobs.eat, 2048 * lanes.MEBIBYTE)
        with pytest.raises(refusals.WorkerDied, match="CPU"):
            await quick.run(jobs.spin)
        assert await quick.run(jobs.pid) > 0


async def test_what_a_process_writes_is_limited(tmp_path: Path) -> None:
    async with lane(file_bytes=lanes.MEBIBYTE) as quick:
        with pytest.raises(refusals.OutputNotWritten, match="too large"):
            await quick.run(jobs.write, tmp_path / "endless", 2 * lanes.MEBIBYTE)
        await quick.run(jobs.write, tmp_path / "fair", lanes.MEBIBYTE)


async def test_waiting_is_bounded() -> None:
    async with lane() as quick:
        calls = [asyncio.create_task(quick.run(jobs.hang)) for _ in range(2)]
        await asyncio.wait(calls, timeout=0.2)
        with pytest.raises(refusals.LaneFull, match="1 jobs wait"):
            await quick.run(jobs.pid)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert await quick.run(jobs.pid) > 0


async def test_large_arguments_do_not_hold_up_the_event_loop() -> None:
    async with lane() as quick:
        job = asyncio.create_task(quick.run(jobs.weigh, bytes(10_000_000)))
        turns = 0
        while not job.done():
            await asyncio.wait({job}, timeout=0.01)
            turns += 1
        assert job.result() == 10_000_000
        assert turns > 3


async def test_closing_ends_jobs_that_still_run() -> None:
    quick = lane()
    hanging = asyncio.create_task(quick.run(jobs.hang))
    await asyncio.wait({hanging}, timeout=0.3)
    await quick.close()
    with pytest.raises(refusals.WorkerDied):
        await hanging


async def test_a_ladder_runs_in_a_process_under_the_limits_of_its_lane(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4")
    (tmp_path / "out").mkdir()
    seen: list[Progress] = []
    async with processes.Processes(lanes.ladder_lane(processes.cores()), clock_port.SystemClock()) as ladders:
        request = LadderRequest((source,), tmp_path / "out", rungs=(90,))
        result = await ladders.run(ladder.make, request, on_progress=seen.append)
    assert [one.label for one in result.renditions] == ["180p", "90p"]
    assert seen[-1] == Progress("encode", 1.0)


def test_ladders_take_two_cores_each_and_quick_jobs_have_their_own_lane() -> None:
    assert [lanes.ladder_lane(cores).workers for cores in (1, 2, 3, 8)] == [1, 1, 1, 4]
    assert lanes.quick_lane(1).workers == 1


ORPHANING = """
import asyncio, os
from reelmesh_kit import clock
from reelmesh_media.engine import processes
from reelmesh_media.model import lanes
from tests.unit.media import jobs

async def main():
    quick = processes.Processes(lanes.quick_lane(1), clock.SystemClock())
    print(await quick.run(jobs.pid), flush=True)
    busy = asyncio.create_task(quick.run(jobs.hang))
    await asyncio.wait({busy}, timeout=0.3)
    os._exit(9)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_worker_does_not_outlive_its_service_even_in_the_middle_of_a_job(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(ORPHANING)
    environment = {"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 9, ended.stderr
    # The pipe that `run` read to its end was held by the worker too: it is gone already, or about to be.
    orphan, patience = int(ended.stdout), threading.Event()
    for _ in range(200):
        if not is_alive(orphan):
            return
        patience.wait(0.05)
    pytest.fail(f"worker {orphan} still runs")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
