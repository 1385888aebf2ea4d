"""Checks that a file is the video that was asked for."""

import dataclasses
import pathlib

import av
import av.error

# How far a video's length may be from what was asked for.
TOLERANCE_SECONDS = 0.2


class NotAsAsked(Exception):
    """The file is not the video that was asked for; the message says in what."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a video file is."""

    video_codec: str
    audio_codec: str
    width: int
    height: int
    duration_seconds: float


def read(path: pathlib.Path) -> Facts:
    """Return what a file is; "" for a stream that it lacks.

    Raises:
        NotAsAsked: it cannot be read as a video.
    """
    try:
        with av.open(str(path)) as container:
            video = next(iter(container.streams.video), None)
            audio = next(iter(container.streams.audio), None)
            return Facts(
                video_codec=video.codec_context.name if video else "",
                audio_codec=audio.codec_context.name if audio else "",
                width=video.codec_context.width if video else 0,
                height=video.codec_context.height if video else 0,
                duration_seconds=(container.duration or 0) / av.time_base,
            )
    except (av.error.FFmpegError, OSError) as error:
        raise NotAsAsked(f"{path} cannot be read as a video: {error}") from error


def check(path: pathlib.Path, *, duration_seconds: float, width: int, height: int) -> Facts:
    """Return what a file is, if it is H.264 with AAC, of that size, and as long within TOLERANCE_SECONDS.

    Raises:
        NotAsAsked: it is not.
    """
    facts = read(path)
    wrong: list[str] = []
    if (facts.video_codec, facts.audio_codec) != ("h264", "aac"):
        wrong.append(f"its codecs are {facts.video_codec or 'none'} and {facts.audio_codec or 'none'}")
    if (facts.width, facts.height) != (width, height):
        wrong.append(f"it is {facts.width}x{facts.height} instead of {width}x{height}")
    if abs(facts.duration_seconds - duration_seconds) > TOLERANCE_SECONDS:
        wrong.append(f"it is {facts.duration_seconds:.2f} s long instead of {duration_seconds:g} s")
    if wrong:
        raise NotAsAsked(f"{path}: {', '.join(wrong)}")
    return facts
