"""Turns clips into one even stream of pictures: upright, of one size, at one constant rate, counted, damage noted."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av.container
import av.error
import av.video.frame
import av.video.stream

from reelmesh_media.engine import filters, opening
from reelmesh_media.model.video import MediaFacts, Size, VideoTrack

PIXEL_FORMAT = "yuv420p"
MAX_UNDECODABLE_PACKETS = 10_000
_TURNS = {0: (), 90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One input with what is known of it, and how many output frames it gives."""

    path: Path
    facts: MediaFacts
    frames: int


@dataclasses.dataclass(slots=True)
class Tally:
    """What decoding met so far; corrupt frames by their output position."""

    decoded: int = 0
    corrupt: list[int] = dataclasses.field(default_factory=list[int])


class Canvas:
    """Brings frames of one track to the common size and format, and leaves those alone that have both already."""

    def __init__(self, track: VideoTrack, size: Size) -> None:
        self._plain = is_plain(track, size)
        self._graph = filters.new_graph()
        if self._plain:
            return
        stored = Size(track.width, track.height)
        self._source = filters.picture_source(
            self._graph, stored, track.pixel_format, track.time_base, track.pixel_aspect
        )
        self._sink = filters.chain(self._graph, self._source, _drawing(track, size))
        self._graph.configure()

    def draw(self, frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
        """The frame on the canvas."""
        if self._plain:
            return frame
        self._source.push(frame)
        drawn = self._sink.pull()
        assert isinstance(drawn, av.video.frame.VideoFrame)  # noqa: S101 - a buffersink gives pictures
        return drawn


def is_plain(track: VideoTrack, size: Size) -> bool:
    """Whether the decoded frames of a track are already what the encoders take."""
    upright = track.rotation_degrees == 0 and track.pixel_aspect == 1
    return upright and Size(track.width, track.height) == size and track.pixel_format == PIXEL_FORMAT


def _drawing(track: VideoTrack, size: Size) -> list[tuple[str, str]]:
    """The steps from the stored picture to the canvas: scale, make pixels square, turn upright, pad."""
    fitted = fit(track.shown, size)
    lying = fitted if track.rotation_degrees in (0, 180) else Size(fitted.height, fitted.width)
    steps = [
        ("scale", f"{lying.width}:{lying.height}:flags={filters.SCALER}:out_range=tv"),
        ("setsar", "1"),
        ("format", PIXEL_FORMAT),
        *_TURNS[track.rotation_degrees],
    ]
    padding = [("pad", f"{size.width}:{size.height}:-1:-1")] if fitted != size else []
    return [*steps, *padding, ("buffersink", "")]


def fit(shown: Size, canvas: Size) -> Size:
    """The largest even size of the same shape within the canvas; the canvas itself when the shapes nearly agree."""
    scale = min(canvas.width / shown.width, canvas.height / shown.height)
    width, height = shown.width * scale, shown.height * scale
    if canvas.width - width < 2 and canvas.height - height < 2:
        return canvas
    return Size(2 * int(width / 2), 2 * int(height / 2))


def decoded(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.video.frame.VideoFrame]:
    """Every frame that decodes. Packets that do not are passed over: their frames are missed by count."""
    undecodable = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            undecodable += 1
            if undecodable > MAX_UNDECODABLE_PACKETS:
                return


def even_frames(clip: Clip, size: Size, rate: Fraction, tally: Tally) -> Iterator[av.video.frame.VideoFrame]:
    """Exactly `clip.frames` frames at a constant rate: the nearest in time, repeated where one is missing.

    The position is not set on the frames; a repeated frame is the same object again.
    """
    with opening.opened(clip.path) as container:
        stream = opening.video_stream(container)
        canvas = Canvas(clip.facts.video, size)
        shown: av.video.frame.VideoFrame | None = None
        given = 0
        for frame in decoded(container, stream):
            slot = _slot(frame, clip, rate, tally.decoded)
            while shown is not None and given < min(slot, clip.frames):
                yield shown
                given += 1
            if given >= clip.frames:
                return
            tally.decoded += 1
            if frame.is_corrupt:
                tally.corrupt.append(given)
            shown = canvas.draw(frame)
        while shown is not None and given < clip.frames:
            yield shown
            given += 1


def _slot(frame: av.video.frame.VideoFrame, clip: Clip, rate: Fraction, fallback: int) -> int:
    """The output position at which a frame begins to be shown."""
    if frame.pts is None or frame.time_base is None:
        return fallback
    return round((float(frame.pts * frame.time_base) - clip.facts.video.start_seconds) * rate)
