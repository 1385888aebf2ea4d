"""The words of a ladder, and its plan: which rungs of which size, how many frames of each clip."""

import dataclasses
import enum
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from reelmesh_media.model.findings import Finding
from reelmesh_media.model.loudness import Loudness, Normalisation
from reelmesh_media.model.video import Size, even_size

STANDARD_RUNGS = (1080, 720, 480)
MAX_CLIPS = 32
SIMILAR_PIXELS_SHARE = 0.8
GROUP_SECONDS = 2
ENCODE_BITS_PER_SECOND_CAPS = ((480, 2_500_000), (720, 5_000_000), (1080, 8_000_000), (1440, 12_000_000))
MAX_ENCODE_BITS_PER_SECOND = 16_000_000


class Join(enum.StrEnum):
    """How the top rung comes from its clips."""

    SINGLE = "single"
    PACKETS = "packets"
    FRAMES = "frames"


@dataclasses.dataclass(frozen=True, slots=True)
class LadderRequest:
    """What is wanted: clips in order, the exact length, and where the files go.

    Args:
        clips: one to 32 video files; the first gives size and frame rate.
        folder: an existing folder for the results; the ladder owns it, and what a killed run left in it is replaced.
        wanted_seconds: the exact length (to one frame), the last clips being trimmed; None for all there is.
        rungs: short sides below the source's own to be made, in pixels.
        top_bits_per_second: a cap on the top rung; a source above it is encoded anew.
        normalisation: when loudness is brought to the target.
    """

    clips: tuple[Path, ...]
    folder: Path
    wanted_seconds: float | None = None
    rungs: tuple[int, ...] = STANDARD_RUNGS
    top_bits_per_second: int | None = None
    normalisation: Normalisation = Normalisation.WHEN_ENCODED

    def __post_init__(self) -> None:
        if self.wanted_seconds is not None and not 0 < self.wanted_seconds < math.inf:
            raise ValueError(f"wanted_seconds is {self.wanted_seconds}: ask for a length above 0, or for None")
        if any(rung < 2 for rung in self.rungs):
            raise ValueError(f"rungs are {self.rungs}: short sides are at least 2 pixels")


@dataclasses.dataclass(frozen=True, slots=True)
class Rung:
    """One rendition to be made."""

    label: str
    size: Size
    max_bits_per_second: int


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: the stage's name and its share done, 0 to 1."""

    stage: str
    share: float


@dataclasses.dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was written: size in bytes, SHA-256 in hexadecimal."""

    path: Path
    width: int
    height: int
    size_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class Rendition:
    """A rung that was written. `copied` says that its picture is the source's own packets."""

    label: str
    file: MadeFile
    duration_seconds: float
    bits_per_second: int
    copied: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Timings:
    """CPU seconds, all threads together, per stage."""

    probe_seconds: float
    sound_seconds: float
    copy_seconds: float
    pass_seconds: float
    publish_seconds: float

    @property
    def cpu_seconds(self) -> float:
        return sum(dataclasses.astuple(self))


@dataclasses.dataclass(frozen=True, slots=True)
class LadderResult:
    """All that one ladder made and found. Renditions stand highest first.

    `copy_refusals` says why the top rung was encoded anew; empty when it was copied.
    """

    renditions: tuple[Rendition, ...]
    poster: MadeFile
    thumbnail: MadeFile
    findings: tuple[Finding, ...]
    join: Join
    copy_refusals: tuple[str, ...]
    frame_rate: Fraction
    frame_count: int
    duration_seconds: float
    decoded_frames: int
    expected_frames: int
    corrupt_frames: int
    loudness: Loudness | None
    timings: Timings


def rungs(canvas: Size, wanted: Sequence[int], top_bits_per_second: int | None = None) -> tuple[Rung, ...]:
    """The renditions of a picture, highest first: its own size, then every wanted rung clearly below it.

    Never upscaled, orientation kept. A rung of nearly the pixels of the one above it is left out.
    """
    top = Rung(f"{canvas.short_side}p", canvas, top_bits_per_second or encode_cap(canvas.short_side))
    chosen = [top]
    for short_side in sorted(set(wanted), reverse=True):
        above = chosen[-1].size.short_side
        if short_side < above and (short_side / above) ** 2 < SIMILAR_PIXELS_SHARE:
            scale = short_side / canvas.short_side
            size = even_size(canvas.width * scale, canvas.height * scale)
            cap = min(encode_cap(short_side), chosen[-1].max_bits_per_second)
            chosen.append(Rung(f"{short_side}p", size, cap))
    return tuple(chosen)


def encode_cap(short_side: int) -> int:
    """The highest bit rate in bits per second that a rung of this short side is encoded at."""
    caps = (cap for side, cap in ENCODE_BITS_PER_SECOND_CAPS if short_side <= side)
    return next(caps, MAX_ENCODE_BITS_PER_SECOND)


def allot(clip_seconds: Sequence[float], rate: Fraction, wanted_seconds: float | None) -> tuple[int, ...]:
    """How many frames each clip gives, in order, so that all together last `wanted_seconds` to the frame.

    Counted on the running total, so that rounding does not add up. Clips beyond the end give 0.
    """
    ends = [round(sum(clip_seconds[: index + 1]) * rate) for index in range(len(clip_seconds))]
    if wanted_seconds is not None:
        last = max(1, round(wanted_seconds * rate))
        ends = [min(end, last) for end in ends]
    return tuple(end - start for start, end in zip([0, *ends], ends, strict=False))
