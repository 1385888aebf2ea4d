"""What the checks report about a video: black, frozen and silent stretches, damage."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence

MIN_BLACK_SECONDS = 0.25
MIN_FROZEN_SECONDS = 1.0
MIN_SILENT_SECONDS = 1.0
FROZEN_IS_BLACK_SHARE = 0.8


class FindingKind(enum.StrEnum):
    """What was found."""

    BLACK = "black"
    FROZEN = "frozen"
    SILENT = "silent"
    NO_AUDIO = "no_audio"
    CORRUPT_FRAMES = "corrupt_frames"
    MISSING_FRAMES = "missing_frames"
    SHORTER_THAN_ASKED = "shorter_than_asked"
    TONE_MAPPED = "tone_mapped"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, from `start_seconds` to `end_seconds` of the finished video; `detail` is for people."""

    kind: FindingKind
    start_seconds: float
    end_seconds: float
    detail: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """A stretch begins or ends here, as a detector saw it."""

    begins: bool
    at_seconds: float


def edges(notes: Mapping[str, str], detector: str) -> list[Edge]:
    """What an FFmpeg detector such as "lavfi.black" noted on one frame, in order of time.

    One frame may carry the end of one stretch and the start of the next, or a start that was known late and its end.
    """
    noted = (("_end", False), ("_start", True))
    found = [Edge(begins, float(notes[detector + suffix])) for suffix, begins in noted if detector + suffix in notes]
    return sorted(found, key=lambda edge: edge.at_seconds)


def stretches(kind: FindingKind, edges: Iterable[Edge], end_seconds: float, min_seconds: float) -> tuple[Finding, ...]:
    """Pair edges into findings; a stretch still open at the end lasts to the end; shorter ones are dropped."""
    found: list[Finding] = []
    begun: float | None = None
    for edge in [*edges, Edge(begins=False, at_seconds=end_seconds)]:
        if edge.begins:
            begun = edge.at_seconds if begun is None else begun
        elif begun is not None:
            start, end = max(0.0, begun), min(edge.at_seconds, end_seconds)
            begun = None
            if end - start >= min_seconds:
                found.append(Finding(kind, round(start, 3), round(end, 3)))
    return tuple(found)


def without_black(frozen: Sequence[Finding], black: Sequence[Finding]) -> tuple[Finding, ...]:
    """The frozen stretches that are not merely black ones: black stands still too, and is reported once."""
    return tuple(one for one in frozen if _covered_seconds(one, black) < FROZEN_IS_BLACK_SHARE * _length(one))


def _length(one: Finding) -> float:
    return one.end_seconds - one.start_seconds


def _covered_seconds(one: Finding, others: Iterable[Finding]) -> float:
    overlaps = (
        min(one.end_seconds, other.end_seconds) - max(one.start_seconds, other.start_seconds) for other in others
    )
    return sum(overlap for overlap in overlaps if overlap > 0)
