"""Turns clips into one even stream of pictures: upright, of one size, at one constant rate, counted, damage noted."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av.container
import av.error
import av.video.format
import av.video.frame
import av.video.stream

from reelmesh_media.engine import filters, opening
from reelmesh_media.model import colours, refusals
from reelmesh_media.model.video import MediaFacts, Size, VideoTrack

PIXEL_FORMAT = "yuv420p"
MAX_UNDECODABLE_PACKETS = 10_000
MAX_SHAPES = 16
"""How often the size of a clip's frames may change: each change builds a graph, which is not cheap for HDR."""
_MIRROR = (("hflip", ""),)
_TURNS = {0: (), 90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}


@dataclasses.dataclass(frozen=True, slots=True)
class Clip:
    """One input with what is known of it, and how many output frames it gives."""

    path: Path
    facts: MediaFacts
    frames: int


@dataclasses.dataclass(slots=True)
class Tally:
    """What decoding met so far; corrupt frames by their output position.

    `reshaped` counts frames of another size or format than the file says, `undecodable` packets that no decoder takes:
    what players make of either is anybody's guess.
    """

    decoded: int = 0
    reshaped: int = 0
    undecodable: int = 0
    corrupt: list[int] = dataclasses.field(default_factory=list[int])


class Canvas:
    """Brings frames of one track to the common size, format and colours, and leaves alone those that have them."""

    def __init__(self, track: VideoTrack, size: Size, colour: colours.Colour) -> None:
        self._track, self._size, self._colour = track, size, colour
        self._meant = colours.resolved(track.colour, track.shown.short_side)
        self._told = (track.width, track.height, track.pixel_format)
        self._plain = is_plain(track, size, colour)
        self._shape = ("", 0, 0)
        self._shapes = 0

    def fits(self, frame: av.video.frame.VideoFrame) -> bool:
        """Whether a frame has the size and format that the file says."""
        return (frame.width, frame.height, frame.format.name) == self._told

    def draw(self, frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
        """The frame on the canvas.

        Raises:
            refusals.BrokenVideo: FFmpeg cannot convert it, or frames keep changing their size.
        """
        if self._plain and self.fits(frame):
            return frame
        try:
            return self._drawn(frame)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            what = f"{frame.width}x{frame.height} {frame.format.name}"
            raise refusals.BrokenVideo(f"a frame ({what}) cannot be converted: {error.strerror}") from error

    def _drawn(self, frame: av.video.frame.VideoFrame) -> av.video.frame.VideoFrame:
        shape = (frame.format.name, frame.width, frame.height)
        if shape != self._shape:
            self._shape, self._shapes = shape, self._shapes + 1
            if self._shapes > MAX_SHAPES:
                raise refusals.BrokenVideo("its frames keep changing their size")
            self._build(*shape)
        self._source.push(frame)
        drawn = self._sink.pull()
        assert isinstance(drawn, av.video.frame.VideoFrame)  # noqa: S101 - a buffersink gives pictures
        return drawn

    def _build(self, pixel_format: str, width: int, height: int) -> None:
        """A graph for frames of one shape; a stream may change it at any frame."""
        self._graph = filters.new_graph()
        track = dataclasses.replace(self._track, width=width, height=height, pixel_format=pixel_format)
        self._source = filters.picture_source(
            self._graph, Size(width, height), pixel_format, track.time_base, track.pixel_aspect
        )
        self._sink = filters.chain(self._graph, self._source, _drawing(track, self._size, self._meant, self._colour))
        self._graph.configure()


def is_plain(track: VideoTrack, size: Size, colour: colours.Colour) -> bool:
    """Whether the decoded frames of a track are already what the encoders take."""
    turned = track.orientation
    upright = turned.rotation_degrees == 0 and not turned.mirrored and track.pixel_aspect == 1
    coloured = colours.resolved(track.colour, track.shown.short_side) == colour
    return upright and coloured and Size(track.width, track.height) == size and track.pixel_format == PIXEL_FORMAT


def _drawing(track: VideoTrack, size: Size, meant: colours.Colour, colour: colours.Colour) -> list[tuple[str, str]]:
    """The steps from the stored picture to the canvas: scale, make pixels square, turn upright, pad."""
    fitted = fit(track.shown, size)
    lying = fitted if track.orientation.rotation_degrees in (0, 180) else Size(fitted.height, fitted.width)
    steps = [
        filters.tagged(meant, rgb=av.video.format.VideoFormat(track.pixel_format).is_rgb),
        ("scale", f"{lying.width}:{lying.height}:flags={filters.SCALER}:{filters.converting(meant, colour)}"),
        ("setsar", "1"),
        ("format", PIXEL_FORMAT),
        *(_MIRROR if track.orientation.mirrored else ()),
        *_TURNS[track.orientation.rotation_degrees],
    ]
    padding = [("pad", f"{size.width}:{size.height}:-1:-1")] if fitted != size else []
    return [*steps, *padding, ("buffersink", "")]


def fit(shown: Size, canvas: Size) -> Size:
    """The largest even size of the same shape within the canvas; the canvas itself when the shapes nearly agree."""
    scale = min(canvas.width / shown.width, canvas.height / shown.height)
    width, height = shown.width * scale, shown.height * scale
    if canvas.width - width < 2 and canvas.height - height < 2:
        return canvas
    return Size(max(2, 2 * int(width / 2)), max(2, 2 * int(height / 2)))


def decoded(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, tally: Tally
) -> Iterator[av.video.frame.VideoFrame]:
    """Every frame that decodes. Packets that do not are passed over: their frames are missed by count."""
    for packet in opening.readable(container.demux(stream)):
        try:
            yield from packet.decode()
        except MemoryError:
            raise
        except av.error.FFmpegError:
            tally.undecodable += 1
            if tally.undecodable > MAX_UNDECODABLE_PACKETS:
                return


def even_frames(
    clip: Clip, size: Size, rate: Fraction, colour: colours.Colour, tally: Tally
) -> Iterator[av.video.frame.VideoFrame]:
    """Exactly `clip.frames` frames at a constant rate: the nearest in time, repeated where one is missing.

    The position is not set on the frames; a repeated frame is the same object again.
    """
    with opening.opened(clip.path) as container:
        stream = opening.video_stream(container)
        canvas = Canvas(clip.facts.video, size, colour)
        shown: av.video.frame.VideoFrame | None = None
        given = 0
        for frame in decoded(container, stream, tally):
            slot = _slot(frame, clip, rate, tally.decoded)
            while shown is not None and given < min(slot, clip.frames):
                yield shown
                given += 1
            if given >= clip.frames:
                return
            tally.decoded += 1
            if frame.is_corrupt:
                tally.corrupt.append(given)
            if not canvas.fits(frame):
                tally.reshaped += 1
            shown = canvas.draw(frame)
        while shown is not None and given < clip.frames:
            yield shown
            given += 1


def _slot(frame: av.video.frame.VideoFrame, clip: Clip, rate: Fraction, fallback: int) -> int:
    """The output position at which a frame begins to be shown."""
    if frame.pts is None or frame.time_base is None:
        return fallback
    return round((float(frame.pts * frame.time_base) - clip.facts.video.start_seconds) * rate)
