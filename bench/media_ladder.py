"""Measures the media ladder, with all its checks, beside the best plain `ffmpeg` commands for the same renditions.

    python -m bench.media_ladder [--runs 5] [--source clip.mp4] [--json PATH]

Three contenders take turns on one clip (10 s, 1920x1080, 30 fps, grain, AAC), so that whatever else the machine does
hits all alike:

- ladder: the engine in a warm worker process: top rung copied, 720p and 480p encoded; black, frozen and silent
  stretches, loudness, sharpness, poster, thumbnail, SHA-256, fsync;
- encode three: one ffmpeg command that decodes once and encodes 1080p, 720p and 480p; no checks, no stills;
- copy top: one ffmpeg command that copies 1080p and encodes 720p and 480p; no checks, no stills.

All encode with the same settings. Without an `ffmpeg` (on PATH, or from imageio-ffmpeg) only the first runs.
"""

import asyncio
import dataclasses
import importlib
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from fractions import Fraction

import av
import av.filter
from av.video.frame import PictureType
from reelmesh_kit import clock as clock_port
from reelmesh_media.engine import encoders, ladder, processes
from reelmesh_media.model import ladder as ladder_model
from reelmesh_media.model import lanes
from reelmesh_media.model.video import Size

from bench import command, reports

SECONDS = 10
RATE = Fraction(30)
SIZE = Size(1920, 1080)
SOURCE_BITS_PER_SECOND = 14_000_000
AIM_OVER_ENCODE_THREE = 1.6
AIM_OVER_COPY_TOP = 0.9


@dataclasses.dataclass(frozen=True)
class Run:
    """One turn of one contender, in seconds."""

    wall_seconds: float
    cpu_seconds: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """All turns of one contender: medians and the best, seconds."""

    wall_seconds: float
    best_wall_seconds: float
    cpu_seconds: float
    runs: Sequence[Run]


@dataclasses.dataclass(frozen=True)
class Speed:
    """How many times as fast as another contender the ladder is."""

    over: str
    speed: float
    by_cpu: float
    aim: float


@dataclasses.dataclass(frozen=True)
class Report:
    """What is printed."""

    contenders: Mapping[str, Summary]
    speeds: Sequence[Speed]


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--runs", type=int, default=5, help="turns of each contender (default 5)")
    parser.add_argument("--source", type=pathlib.Path, help="measure with this clip instead of the generated one")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="media-ladder-") as name:
        folder = pathlib.Path(name)
        source = told.source or make_clip(folder / "source.mp4")
        runs = asyncio.run(measure(source, folder, told.runs, find_ffmpeg()))
    report = summarise(runs)
    print_tables(report)
    command.keep("media_ladder", told, dataclasses.asdict(report))
    return 0


def find_ffmpeg() -> str | None:
    """An ffmpeg program: on PATH, or the one inside the package imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except ImportError:
        return None


def make_clip(path: pathlib.Path) -> pathlib.Path:
    """Ten seconds of FFmpeg's moving test card under grain, at about 14 Mbit/s, with a tone."""
    print("making the clip …", file=sys.stderr)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        options = {"preset": "veryfast", "maxrate": "16000000", "bufsize": "28000000"}
        video = output.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        video.codec_context.time_base = 1 / RATE
        video.bit_rate, video.gop_size, video.thread_type = SOURCE_BITS_PER_SECOND, 60, "FRAME"
        audio = output.add_stream("aac", rate=48_000, layout="stereo", bit_rate=128_000)
        for frame in _generated([("sine", "f=330:r=48000"), ("volume", "0.3"), ("atrim", f"end={SECONDS}")], "a"):
            assert isinstance(frame, av.AudioFrame)
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        pictures = [
            ("testsrc2", f"s={SIZE.width}x{SIZE.height}:r={RATE}"),
            ("noise", "alls=12:allf=t"),
            ("format", "yuv420p"),
            ("trim", f"end_frame={SECONDS * RATE}"),
        ]
        for index, frame in enumerate(_generated(pictures, "")):
            assert isinstance(frame, av.VideoFrame)
            frame.pts, frame.pict_type = index, PictureType.NONE
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def _generated(steps: Sequence[tuple[str, str]], kind: str) -> Iterator[object]:
    """Yield what a chain of FFmpeg's filters makes; `kind` is "a" for sound and "" for pictures."""
    graph = av.filter.Graph()
    nodes = [*(graph.add(name, arguments) for name, arguments in steps), graph.add(f"{kind}buffersink")]
    graph.link_nodes(*nodes).configure()
    while True:
        try:
            yield nodes[-1].pull()
        except (BlockingIOError, EOFError):
            return


async def measure(source: pathlib.Path, folder: pathlib.Path, turns: int, ffmpeg: str | None) -> dict[str, list[Run]]:
    """Let the contenders take turns; the first turn of each warms up and does not count."""
    # The same priority for all.
    lane = dataclasses.replace(lanes.ladder_lane(1), niceness=0, jobs_per_process=1000)
    async with processes.Processes(lane, clock_port.SystemClock()) as workers:
        contenders: dict[str, Callable[[], Awaitable[float]]] = {"ladder": lambda: _ladder(workers, source, folder)}
        if ffmpeg:
            contenders["encode three"] = lambda: _command(encode_three(ffmpeg, source, folder))
            contenders["copy top"] = lambda: _command(copy_top(ffmpeg, source, folder))
        return await _take_turns(contenders, turns)


async def _take_turns(contenders: dict[str, Callable[[], Awaitable[float]]], turns: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for turn in range(turns + 1):
        for name, contender in contenders.items():
            begun = time.perf_counter()
            cpu_seconds = await contender()
            run = Run(round(time.perf_counter() - begun, 3), round(cpu_seconds, 3))
            if turn:
                runs[name].append(run)
                print(f"turn {turn} {name:13} {run.wall_seconds:6.2f} s", file=sys.stderr)
    return runs


async def _ladder(workers: processes.Processes, source: pathlib.Path, folder: pathlib.Path) -> float:
    result = await workers.run(ladder.make, ladder_model.LadderRequest((source,), folder))
    assert [one.label for one in result.renditions] == ["1080p", "720p", "480p"]
    return result.timings.cpu_seconds


async def _command(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await asyncio.to_thread(subprocess.run, command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def encode_three(ffmpeg: str, source: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """One decode, three encodes, sound copied."""
    rungs = ladder_model.rungs(SIZE, ladder_model.STANDARD_RUNGS)
    splits = "[0:v]split=3[v0][s1][s2];" + ";".join(_scale(index, rungs[index]) for index in (1, 2))
    outputs = [part for index, rung in enumerate(rungs) for part in _encoded(index, rung, folder)]
    return [ffmpeg, "-v", "error", "-y", "-i", str(source), "-filter_complex", splits, *outputs]


def copy_top(ffmpeg: str, source: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """The top rung copied; one decode, two encodes."""
    rungs = ladder_model.rungs(SIZE, ladder_model.STANDARD_RUNGS)
    splits = "[0:v]split=2[s1][s2];" + ";".join(_scale(index, rungs[index]) for index in (1, 2))
    top = ["-map", "0:v", "-map", "0:a", "-c", "copy", "-movflags", "+faststart", str(folder / "cli-copy.mp4")]
    outputs = [part for index in (1, 2) for part in _encoded(index, rungs[index], folder)]
    return [ffmpeg, "-v", "error", "-y", "-i", str(source), "-filter_complex", splits, *top, *outputs]


def _scale(index: int, rung: ladder_model.Rung) -> str:
    return f"[s{index}]scale={rung.size.width}:{rung.size.height}[v{index}]"


def _encoded(index: int, rung: ladder_model.Rung, folder: pathlib.Path) -> list[str]:
    cap = rung.max_bits_per_second
    settings = {
        "-map": f"[v{index}]",
        "-c:v": "libx264",
        "-preset": encoders.PRESET,
        "-crf": encoders.QUALITY_CRF,
        "-maxrate": cap,
        "-bufsize": cap * encoders.BUFFER_SECONDS,
        "-profile:v": "high",
        "-g": round(RATE * ladder_model.GROUP_SECONDS),
    }
    flat = [str(part) for pair in settings.items() for part in pair]
    return [*flat, "-map", "0:a", "-c:a", "copy", "-movflags", "+faststart", str(folder / f"cli-{rung.label}.mp4")]


def summarise(runs: Mapping[str, Sequence[Run]]) -> Report:
    """Return medians, and the ladder's speed relative to the others."""
    aims = (("encode three", AIM_OVER_ENCODE_THREE), ("copy top", AIM_OVER_COPY_TOP))
    return Report(
        {name: _summary(taken) for name, taken in runs.items()},
        [_speed(runs["ladder"], other, runs[other], aim) for other, aim in aims if other in runs],
    )


def _summary(taken: Sequence[Run]) -> Summary:
    return Summary(
        wall_seconds=round(statistics.median(run.wall_seconds for run in taken), 3),
        best_wall_seconds=min(run.wall_seconds for run in taken),
        cpu_seconds=round(statistics.median(run.cpu_seconds for run in taken), 3),
        runs=taken,
    )


def _speed(ours: Sequence[Run], other: str, theirs: Sequence[Run], aim: float) -> Speed:
    """Return the speed over another contender: the median over the turns, as both met the same machine in each."""
    pairs = list(zip(ours, theirs, strict=True))
    return Speed(
        over=other,
        speed=round(statistics.median(their.wall_seconds / our.wall_seconds for our, their in pairs), 2),
        by_cpu=round(statistics.median(their.cpu_seconds / our.cpu_seconds for our, their in pairs), 2),
        aim=aim,
    )


def print_tables(report: Report) -> None:
    """For people."""
    print(f"\nmedia ladder of a clip of {SECONDS} s, {SIZE.width}x{SIZE.height}, {RATE} frames a second; seconds")
    rows = [
        {"contender": name, "wall": one.wall_seconds, "best": one.best_wall_seconds, "CPU": one.cpu_seconds}
        for name, one in report.contenders.items()
    ]
    print(reports.table(rows))
    if report.speeds:
        print("\nhow many times as fast the ladder is")
        print(
            reports.table(
                [{"as": one.over, "by wall": one.speed, "by CPU": one.by_cpu, "aim": one.aim} for one in report.speeds]
            )
        )
    else:
        print("\nno ffmpeg found (PATH or the package imageio-ffmpeg): nothing to compare with")


if __name__ == "__main__":
    raise SystemExit(main())
