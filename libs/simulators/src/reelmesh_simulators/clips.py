"""Small real MP4s: H.264 and AAC, moving, of the size and length that were ordered, no two alike."""

import functools
import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import av.error
import av.filter

FRAMES_PER_SECOND = 24
SAMPLES_PER_SECOND = 48_000
# What an encoder makes once is kept for so many sizes and lengths.
KEPT_CLIPS = 64


def clip(width: int, height: int, seconds: float, stamp: str, *, audio: bool = True) -> bytes:
    """Return an MP4 whose bytes nobody else's are.

    Args:
        width, height: pixels, even.
        seconds: its length.
        stamp: stands in a box at its end that players pass over.
        audio: with a tone.
    """
    return _encoded(width, height, seconds, audio) + _free(stamp.encode())


def _free(content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), b"free") + content


@functools.lru_cache(maxsize=KEPT_CLIPS)
def _encoded(width: int, height: int, seconds: float, audio: bool) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "ultrafast", "crf": "42"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono") if audio else None
        for frame in _pictures(width, height, seconds):
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            for tone in _tone(seconds):
                container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return file.getvalue()


def _pictures(width: int, height: int, seconds: float) -> Iterator[av.VideoFrame]:
    graph = av.filter.Graph()
    frames = round(seconds * FRAMES_PER_SECOND)
    source = graph.add("testsrc2", f"size={width}x{height}:rate={FRAMES_PER_SECOND}")
    planes, sink = graph.add("format", "yuv420p"), graph.add("buffersink")
    source.link_to(planes)
    planes.link_to(sink)
    graph.configure()
    for number in range(frames):
        frame = cast(av.VideoFrame, graph.pull())
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
        yield frame


def _tone(seconds: float) -> Iterator[av.AudioFrame]:
    graph = av.filter.Graph()
    source = graph.add(
        "sine", f"frequency=330:sample_rate={SAMPLES_PER_SECOND}:duration={seconds}:samples_per_frame=1024"
    )
    shape, sink = graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono"), graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    while True:
        try:
            yield cast(av.AudioFrame, graph.pull())
        except (av.error.EOFError, av.error.BlockingIOError):
            return
