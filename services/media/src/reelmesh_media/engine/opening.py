"""Opens video files safely: the container is told by its first bytes and forced, and nothing but that file is read."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

import av
import av.container
import av.error
import av.video.stream

from reelmesh_media.model import images, refusals

_DEMUXERS = {"MP4": "mp4", "WEBM": "webm"}
MAX_THREADS_PER_CODEC = 8


def threads() -> int:
    """How many threads a codec may use: the cores we may run on, at most 8 (more cost memory, not time)."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, MAX_THREADS_PER_CODEC)


def sniff(path: Path) -> str:
    """What the first bytes of a file say it is (see `model.images.sniff`).

    Raises:
        refusals.NotAVideo: it is neither MP4/MOV nor WebM.
    """
    with path.open("rb") as file:
        kind = images.sniff(file.read(images.SNIFF_BYTES))
    if kind not in _DEMUXERS:
        raise refusals.NotAVideo(f"the file starts like {kind}")
    return kind


@contextlib.contextmanager
def opened(path: Path) -> Generator[av.container.InputContainer]:
    """Open a video file for reading; always closed, as only closing frees a container's memory.

    Raises:
        refusals.NotAVideo: by its first bytes it is something else.
        refusals.BrokenVideo: the demuxer cannot read it.
    """
    demuxer = _DEMUXERS[sniff(path)]
    try:
        # "file:" keeps FFmpeg from reading a protocol out of a file's name.
        container = av.open(f"file:{path.absolute()}", "r", format=demuxer, options={"protocol_whitelist": "file"})
    except av.error.FFmpegError as error:
        raise refusals.BrokenVideo(f"cannot be opened: {error.strerror}") from error
    with container:
        yield container


def video_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The first picture stream, set to decode with all threads (PyAV's default, slices, uses one).

    Raises:
        refusals.NotAVideo: there is none.
    """
    if not container.streams.video:
        raise refusals.NotAVideo("no picture in it")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    stream.thread_count = threads()
    return stream
