"""Hostile, damaged and mislabelled files in worker processes: a verdict on each, and the service goes on.

Time and memory are held by the lane's own limits, which a file that needs too much would run into: the process would
then be gone, which counts as a failure here.
"""

import asyncio
import dataclasses
from pathlib import Path

import PIL.Image
from reelmesh_kit import clock as clock_port
from reelmesh_media.adapters import engine as engine_adapter
from reelmesh_media.engine import processes
from reelmesh_media.model import lanes, refusals
from reelmesh_media.model.ladder import LadderRequest

from tests.unit.media import clips, hostile, jobs

VERDICTS = ("BrokenVideo: ", "NotAVideo: ", "VideoTooLarge: ", "VideoCrashes: out of memory")
LANE = lanes.Lane(
    name="hostile",
    workers=1,
    waiting=8,
    memory_bytes=1536 * lanes.MEBIBYTE,
    file_bytes=64 * lanes.MEBIBYTE,
    cpu_seconds=15,
    stall_seconds=300.0,
    niceness=0,
    jobs_per_process=10_000,
    reports=False,
)


async def verdict(workers: processes.Processes, path: Path, folder: Path) -> str:
    """Probe a file, and make a ladder of it if it is a video; returns what is said of it."""
    engine = engine_adapter.ProcessEngine(workers, workers)
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    try:
        await engine.probe(path)
        result = await engine.ladder(LadderRequest((path,), folder, rungs=(72,)), lambda _: None)
    except refusals.MediaError as error:
        return f"{type(error).__name__}: {error.reason}"
    for rendition in result.renditions:
        shown = clips.shown(rendition.file.path)
        assert len(shown) == result.frame_count
        assert {(frame.width, frame.height) for frame in shown} == {(rendition.file.width, rendition.file.height)}
    return "fine"


async def test_every_hostile_file_gets_its_verdict_within_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "hostile.mp4"
    wrong: dict[str, str] = {}
    async with processes.Processes(LANE, clock_port.SystemClock()) as workers:
        pid = await workers.run(jobs.pid)
        for case in hostile.cases():
            path.write_bytes(case.content)
            said = await verdict(workers, path, tmp_path / "out")
            if not as_foreseen(case, said):
                wrong[case.name] = said
        assert await workers.run(jobs.pid) == pid, "no file ended the process"
    assert wrong == {}


def as_foreseen(case: hostile.Case, said: str) -> bool:
    if case.verdict is None:
        return said == "fine"
    kind = getattr(refusals, said.partition(":")[0], object)
    return issubclass(kind, case.verdict) and case.said in said


async def test_two_hundred_random_damages_never_end_the_process_nor_look_like_a_bug(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp4"
    said: list[str] = []
    async with processes.Processes(LANE, clock_port.SystemClock()) as workers:
        pid = await workers.run(jobs.pid)
        for content in hostile.mutations(200, seed=20261120):
            path.write_bytes(content)
            said.append(await verdict(workers, path, tmp_path / "out"))
        assert await workers.run(jobs.pid) == pid
    assert [one for one in said if one != "fine" and not one.startswith(VERDICTS)] == []
    assert 20 < said.count("fine") < 180


async def test_a_file_that_uses_up_its_process_twice_is_refused_and_the_next_is_fine(tmp_path: Path) -> None:
    noise = clips.Spec(width=1920, height=1080, pictures=((clips.NOISE + "=alls=90:allf=t", 1.0),), tones=())
    clips.make(tmp_path / "heavy.mp4", noise)
    clips.make(tmp_path / "light.mp4", hostile.SMALL)
    lane = dataclasses.replace(LANE, cpu_seconds=1)
    async with processes.Processes(lane, clock_port.SystemClock()) as workers:
        pid = await workers.run(jobs.pid)
        said = await verdict(workers, tmp_path / "heavy.mp4", tmp_path / "heavy")
        assert said == "VideoCrashes: over its CPU limit"
        assert await workers.run(jobs.pid) != pid
        assert await verdict(workers, tmp_path / "light.mp4", tmp_path / "light") == "fine"


async def test_the_largest_image_that_is_taken_fits_into_its_lane(tmp_path: Path) -> None:
    image = PIL.Image.new("RGBA", (8000, 5000), (200, 40, 90, 7))
    await asyncio.to_thread(image.save, tmp_path / "large.png")
    async with processes.Processes(lanes.quick_lane(2), clock_port.SystemClock()) as workers:
        engine = engine_adapter.ProcessEngine(workers, workers)
        facts = await engine.clean_image(tmp_path / "large.png", tmp_path / "clean")
    assert (facts.width, facts.height) == (8000, 5000)
