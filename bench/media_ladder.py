"""Measures the media ladder, with all its checks, beside the best plain `ffmpeg` commands for the same renditions.

    .venv/bin/python bench/media_ladder.py [--runs 5] [--json results.json] [--source clip.mp4]

Three contenders take turns on one clip (10 s, 1920x1080, 30 fps, grain, AAC), so that whatever else the machine does
hits all alike:

- ladder: the engine in a warm worker process: top rung copied, 720p and 480p encoded; black, frozen and silent
  stretches, loudness, sharpness, poster, thumbnail, SHA-256, fsync;
- encode three: one ffmpeg command that decodes once and encodes 1080p, 720p and 480p; no checks, no stills;
- copy top: one ffmpeg command that copies 1080p and encodes 720p and 480p; no checks, no stills.

All encode with the same settings. Without an `ffmpeg` (on PATH, or from imageio-ffmpeg) only the first runs.
"""

import argparse
import asyncio
import dataclasses
import importlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

import av
import av.filter
from reelmesh_kit import clock as clock_port
from reelmesh_media.engine import encoders, ladder, processes
from reelmesh_media.model import ladder as ladder_model
from reelmesh_media.model import lanes
from reelmesh_media.model.video import Size

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


def main() -> int:
    """Run the benchmark; 0 when both aims are reached or there is nothing to compare with."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="media-ladder-") as name:
        folder = Path(name)
        source = arguments.source or make_clip(folder / "source.mp4")
        runs = asyncio.run(measure(source, folder, arguments.runs, find_ffmpeg()))
    report = summarise(runs)
    print_table(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if all(aim["reached"] for aim in report["aims"]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="turns of each contender (default 5)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results there too")
    parser.add_argument("--source", type=Path, help="measure with this clip instead of the generated one")
    return parser.parse_args()


def find_ffmpeg() -> str | None:
    """An ffmpeg program: on PATH, or the one inside the package imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except ImportError:
        return None


def make_clip(path: Path) -> Path:
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
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        pictures = [
            ("testsrc2", f"s={SIZE.width}x{SIZE.height}:r={RATE}"),
            ("noise", "alls=12:allf=t"),
            ("format", "yuv420p"),
            ("trim", f"end_frame={SECONDS * RATE}"),
        ]
        for index, frame in enumerate(_generated(pictures, "")):
            frame.pts, frame.pict_type = index, 0
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def _generated(steps, kind):
    graph = av.filter.Graph()
    nodes = [graph.add(name, arguments) for name, arguments in [*steps, (f"{kind}buffersink", None)]]
    graph.link_nodes(*nodes).configure()
    while True:
        try:
            yield nodes[-1].pull()
        except (BlockingIOError, av.error.EOFError):
            return


async def measure(source: Path, folder: Path, turns: int, ffmpeg: str | None) -> dict[str, list[Run]]:
    """Let the contenders take turns; the first turn of each warms up and does not count."""
    # The same priority for all.
    lane = dataclasses.replace(lanes.ladder_lane(1), niceness=0, jobs_per_process=1000)
    async with processes.Processes(lane, clock_port.SystemClock()) as workers:
        contenders = {"ladder": lambda: _ladder(workers, source, folder)}
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


async def _ladder(workers: processes.Processes, source: Path, folder: Path) -> float:
    result = await workers.run(ladder.make, ladder_model.LadderRequest((source,), folder))
    assert [one.label for one in result.renditions] == ["1080p", "720p", "480p"]
    return result.timings.cpu_seconds


async def _command(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await asyncio.to_thread(subprocess.run, command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def encode_three(ffmpeg: str, source: Path, folder: Path) -> list[str]:
    """One decode, three encodes, sound copied."""
    rungs = ladder_model.rungs(SIZE, ladder_model.STANDARD_RUNGS)
    splits = "[0:v]split=3[v0][s1][s2];" + ";".join(_scale(index, rungs[index]) for index in (1, 2))
    outputs = [part for index, rung in enumerate(rungs) for part in _encoded(index, rung, folder)]
    return [ffmpeg, "-v", "error", "-y", "-i", str(source), "-filter_complex", splits, *outputs]


def copy_top(ffmpeg: str, source: Path, folder: Path) -> list[str]:
    """The top rung copied; one decode, two encodes."""
    rungs = ladder_model.rungs(SIZE, ladder_model.STANDARD_RUNGS)
    splits = "[0:v]split=2[s1][s2];" + ";".join(_scale(index, rungs[index]) for index in (1, 2))
    top = ["-map", "0:v", "-map", "0:a", "-c", "copy", "-movflags", "+faststart", str(folder / "cli-copy.mp4")]
    outputs = [part for index in (1, 2) for part in _encoded(index, rungs[index], folder)]
    return [ffmpeg, "-v", "error", "-y", "-i", str(source), "-filter_complex", splits, *top, *outputs]


def _scale(index: int, rung: ladder_model.Rung) -> str:
    return f"[s{index}]scale={rung.size.width}:{rung.size.height}[v{index}]"


def _encoded(index: int, rung: ladder_model.Rung, folder: Path) -> list[str]:
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


def summarise(runs: dict[str, list[Run]]) -> dict:
    """Medians, and the ladder's speed relative to the others (above 1 is faster)."""
    contenders = {
        name: {
            "wall_seconds": round(statistics.median(run.wall_seconds for run in taken), 3),
            "best_wall_seconds": min(run.wall_seconds for run in taken),
            "cpu_seconds": round(statistics.median(run.cpu_seconds for run in taken), 3),
            "runs": [dataclasses.asdict(run) for run in taken],
        }
        for name, taken in runs.items()
    }
    aims = [
        _aim(runs, other, aim)
        for other, aim in (("encode three", AIM_OVER_ENCODE_THREE), ("copy top", AIM_OVER_COPY_TOP))
        if other in runs
    ]
    return {"cores": os.cpu_count(), "clip": "10 s 1920x1080 30 fps", "contenders": contenders, "aims": aims}


def _aim(runs: dict[str, list[Run]], other: str, aim: float) -> dict:
    """The speed over another contender: the median over the turns, as both met the same machine in each."""
    pairs = list(zip(runs["ladder"], runs[other], strict=True))
    speed = statistics.median(theirs.wall_seconds / ours.wall_seconds for ours, theirs in pairs)
    by_cpu = statistics.median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs)
    return {"over": other, "speed": round(speed, 2), "by_cpu": round(by_cpu, 2), "aim": aim, "reached": speed >= aim}


def print_table(report: dict) -> None:
    """For people."""
    print(f"\n{report['clip']}, {report['cores']} cores\n")
    print(f"{'contender':14}{'wall s':>9}{'best s':>9}{'CPU s':>9}")
    for name, row in report["contenders"].items():
        print(f"{name:14}{row['wall_seconds']:9.2f}{row['best_wall_seconds']:9.2f}{row['cpu_seconds']:9.2f}")
    for aim in report["aims"]:
        word = "reached" if aim["reached"] else "missed"
        print(f"\nladder is {aim['speed']} x {aim['over']} (by CPU {aim['by_cpu']} x); aim {aim['aim']}: {word}")
    if not report["aims"]:
        print("\nno ffmpeg found (PATH or the package imageio-ffmpeg): nothing to compare with")


if __name__ == "__main__":
    raise SystemExit(main())
