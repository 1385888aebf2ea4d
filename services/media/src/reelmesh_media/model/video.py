"""What a video file is, in our words, and the limits within which we touch one at all."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from reelmesh_media.model import colours

MAX_FRAME_PIXELS = 4096 * 2304
MAX_FRAME_SIDE = 8192
MAX_DURATION_SECONDS = 600.0
MAX_STREAMS = 16
MAX_FRAME_RATE = 240
MAX_FRAMES = round(MAX_DURATION_SECONDS) * MAX_FRAME_RATE
MAX_PIXEL_ASPECT = 8
MATRIX_UNIT = 65536

STANDARD_FRAME_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
MAX_OUTPUT_FRAME_RATE = Fraction(60)


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """Width and height in square pixels, as shown."""

    width: int
    height: int

    @property
    def short_side(self) -> int:
        return min(self.width, self.height)

    @property
    def long_side(self) -> int:
        return max(self.width, self.height)


@dataclasses.dataclass(frozen=True, slots=True)
class Orientation:
    """How a player shows the stored picture: mirrored left to right, if so, and then turned clockwise.

    `exact` says that this is all that the file asks for; else it is the nearest that can be done without inventing
    pixels, and players differ.
    """

    mirrored: bool = False
    rotation_degrees: int = 0
    exact: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture of a file. Width and height are as stored, before rotation and pixel aspect.

    `frame_count` counts the packets that are really there. `start_seconds` is when the first frame is shown.
    """

    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    orientation: Orientation
    pixel_aspect: Fraction
    frame_rate: Fraction
    constant_rate: bool
    interlaced: bool
    frame_count: int
    start_seconds: float
    duration_seconds: float
    bits_per_second: int
    starts_with_key: bool
    longest_key_gap_seconds: float
    time_base: Fraction
    colour: colours.Colour
    extradata: bytes = dataclasses.field(repr=False)

    @property
    def shown(self) -> Size:
        """The size on screen: pixel aspect and rotation applied, each side even."""
        width = self.width * float(self.pixel_aspect)
        size = (width, float(self.height))
        return even_size(*(size if self.orientation.rotation_degrees in (0, 180) else size[::-1]))


@dataclasses.dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of a file: its first audio stream."""

    codec: str
    profile: str
    sample_rate_hz: int
    channels: int
    start_seconds: float
    duration_seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a probe found. `moov_first` (fast start) and `edit_lists` (tracks with one) are MP4 matters."""

    container: str
    size_bytes: int
    duration_seconds: float
    bits_per_second: int
    moov_first: bool
    edit_lists: int
    stream_count: int
    video: VideoTrack
    audio: AudioTrack | None


def even_size(width: float, height: float) -> Size:
    """The nearest size with even sides, as 4:2:0 pictures need."""
    return Size(max(2, 2 * round(width / 2)), max(2, 2 * round(height / 2)))


def limits_broken(width: int, height: int, duration_seconds: float, stream_count: int) -> str:
    """Say which limit a file breaks, or "" when it breaks none."""
    if width * height > MAX_FRAME_PIXELS:
        return f"{width}x{height} pixels, at most {MAX_FRAME_PIXELS} in all"
    if max(width, height) > MAX_FRAME_SIDE:
        return f"{width}x{height} pixels, at most {MAX_FRAME_SIDE} on a side"
    if duration_seconds > MAX_DURATION_SECONDS:
        return f"{duration_seconds:.0f} s, at most {MAX_DURATION_SECONDS:.0f} s"
    if stream_count > MAX_STREAMS:
        return f"{stream_count} streams, at most {MAX_STREAMS}"
    return ""


def orientation(matrix: Sequence[int]) -> Orientation:
    """Read a display matrix.

    Args:
        matrix: nine numbers {a, b, u, c, d, v, x, y, w}: a point (x, y) is shown at (ax + cy, bx + dy), y downwards;
            a, b, c and d in 65536ths.
    """
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    mirrored = a * d - b * c < 0
    exact = sorted(map(abs, (a, b, c, d))) == [0, 0, MATRIX_UNIT, MATRIX_UNIT] and a * d - b * c != 0
    if mirrored:
        a, b = -a, -b
    # Mirrored or not, what remains is a rotation (and a scale, which is nobody's business here).
    along, across = a + d, b - c
    if abs(along) >= abs(across):
        return Orientation(mirrored, 180 if along < 0 else 0, exact)
    return Orientation(mirrored, 90 if across > 0 else 270, exact)


def output_rate(video: VideoTrack) -> Fraction:
    """The constant frame rate that pictures are encoded at: the source's own, or the standard one nearest to it."""
    if video.constant_rate and 1 <= video.frame_rate <= MAX_OUTPUT_FRAME_RATE:
        return video.frame_rate
    return min(STANDARD_FRAME_RATES, key=lambda rate: abs(math.log(rate / video.frame_rate)))


def uniform_step(ticks: list[int]) -> Fraction | None:
    """The constant step between sorted timestamps, or None when they are not evenly spaced (to one tick)."""
    if len(ticks) < 2:
        return None
    step = Fraction(ticks[-1] - ticks[0], len(ticks) - 1)
    even = all(abs(later - earlier - step) <= 1 for earlier, later in itertools.pairwise(ticks))
    return step if even and step > 0 else None


def longest_gap(key_ticks: list[int], end_tick: int) -> int:
    """The longest stretch, in ticks, from one key frame to the next or to the end."""
    edges = [*key_ticks, end_tick]
    return max((later - earlier for earlier, later in itertools.pairwise(edges)), default=0)
