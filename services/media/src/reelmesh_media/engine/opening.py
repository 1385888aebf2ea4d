"""Opens video files safely: the container is told by its first bytes and forced, nothing but that file is read, and
only decoders that videos of today need are ever run.
"""

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import av
import av.audio.stream
import av.codec.context
import av.container
import av.error
import av.video.stream

from reelmesh_media.model import images, refusals, video

Packets = TypeVar("Packets")
_DEMUXERS = {"MP4": "mp4", "WEBM": "webm"}
MAX_THREADS_PER_CODEC = 8
# FFmpeg has hundreds, and it is in the forgotten ones that files find their bugs.
VIDEO_DECODERS = frozenset({"h264", "hevc", "libdav1d", "av1", "vp8", "vp9", "mpeg4", "prores"})
AUDIO_DECODERS = frozenset(
    {"aac", "mp3", "mp3float", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "pcm_s16le", "pcm_s16be", "pcm_f32le"}
)
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 4_000, 192_000
MAX_CHANNELS = 16
# Also for frames whose size changes in mid-stream, and before anybody has seen the first.
_DECODER_LIMITS = {"max_pixels": str(video.MAX_FRAME_PIXELS)}
_OPTIONS = {
    **_DECODER_LIMITS,
    "protocol_whitelist": "file",
    # Opening a file decodes a little already.
    "codec_whitelist": ",".join(sorted(VIDEO_DECODERS | AUDIO_DECODERS)),
}


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
        # "file:" keeps FFmpeg from reading a protocol out of a file's name; titles may be in any encoding.
        container = av.open(f"file:{path.absolute()}", "r", format=demuxer, options=_OPTIONS, metadata_errors="replace")
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise refusals.BrokenVideo(f"cannot be opened: {error.strerror}") from error
    with container:
        yield container


def video_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The first picture stream, set to decode with all threads (PyAV's default, slices, uses one).

    Raises:
        refusals.NotAVideo: there is none, or no decoder of ours for it.
    """
    if not container.streams.video:
        raise refusals.NotAVideo("no picture in it")
    stream = container.streams.video[0]
    if _decoder(stream.codec_context) not in VIDEO_DECODERS:
        raise refusals.NotAVideo(f"its codec ({_decoder(stream.codec_context) or 'unknown'}) is not taken")
    stream.codec_context.options = _DECODER_LIMITS
    stream.thread_type = "AUTO"
    stream.thread_count = threads()
    return stream


def audio_stream(container: av.container.InputContainer) -> av.audio.stream.AudioStream | None:
    """The first audio stream; None when there is none, or none that can be decoded."""
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    if _decoder(stream.codec_context) not in AUDIO_DECODERS:
        return None
    sane = MIN_SAMPLE_RATE_HZ <= stream.sample_rate <= MAX_SAMPLE_RATE_HZ and 1 <= stream.channels <= MAX_CHANNELS
    return stream if sane and stream.time_base else None


def readable(packets: Iterator[Packets]) -> Iterator[Packets]:
    """Packets up to the end of the file, or up to where it cannot be read any further."""
    try:
        yield from packets
    except MemoryError:
        raise
    except av.error.FFmpegError:
        return


def _decoder(codec: av.codec.context.CodecContext | None) -> str:
    """The decoder's name; "" where there is none, which PyAV's types do not admit."""
    return codec.codec.name if codec is not None else ""
