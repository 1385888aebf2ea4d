"""The one decode pass: frames in, rungs encoded, checks noted, the best still kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import av.video.frame

from reelmesh_media.engine import branches, encoders, frames
from reelmesh_media.model import colours, findings, stills
from reelmesh_media.model.video import Size

PROGRESS_FRAMES = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What the pass found. `still` is the frame that stands for the video, in full size."""

    frame_count: int
    tally: frames.Tally
    black: tuple[findings.Finding, ...]
    frozen: tuple[findings.Finding, ...]
    still: av.video.frame.VideoFrame


class StillPicker:
    """Keeps the best frame so far, and no other."""

    def __init__(self, frame_total: int) -> None:
        self._frame_total = frame_total
        self._rank: stills.Rank | None = None
        self.best: av.video.frame.VideoFrame | None = None

    def offer(self, sample: stills.FrameSample, frame: av.video.frame.VideoFrame) -> None:
        """Look at one more frame."""
        rank = stills.rank(sample, self._frame_total)
        if self._rank is None or rank < self._rank:
            self._rank, self.best = rank, frame


class Pass:
    """One run over all clips. The lanes are fed, not finished: their owner does that."""

    def __init__(
        self,
        size: Size,
        rate: Fraction,
        colour: colours.Colour,
        frame_total: int,
        lanes: Sequence[encoders.EncoderLane],
    ) -> None:
        self._branches = branches.Branches(size, rate, [lane.rung.size for lane in lanes])
        self._size, self._rate, self._frame_total, self._lanes = size, rate, frame_total, lanes
        self._colour = colour
        self._sample_step = branches.sample_step(rate)
        self._picker = StillPicker(frame_total)
        self._black: list[findings.Edge] = []
        self._frozen: list[findings.Edge] = []
        self._waiting: dict[int, av.video.frame.VideoFrame] = {}

    def run(self, clips: Sequence[frames.Clip], progress: Callable[[float], None]) -> Seen | None:
        """Decode, scale, check and feed; None when no frame decoded at all."""
        tally = frames.Tally()
        position = 0
        for clip in clips:
            for frame in frames.even_frames(clip, self._size, self._rate, self._colour, tally):
                self._push(frame, position)
                position += 1
                if position % PROGRESS_FRAMES == 0:
                    progress(position / self._frame_total)
        self._branches.push(None)
        self._draw()
        if self._picker.best is None:
            return None
        return self._seen(position, tally, self._picker.best)

    def _push(self, frame: av.video.frame.VideoFrame, position: int) -> None:
        frame.pts, frame.duration = position, 1
        if position % self._sample_step == 0:
            self._waiting[position] = frame
        self._branches.push(frame)
        self._draw()

    def _draw(self) -> None:
        for index, lane in enumerate(self._lanes):
            for frame in self._branches.rung(index):
                lane.feed(frame)
        for small in self._branches.checked():
            notes = small.metadata
            self._black += findings.edges(notes, "lavfi.black")
            self._frozen += findings.edges(notes, "lavfi.freezedetect.freeze")
        for small in self._branches.sampled():
            notes, position = small.metadata, small.pts or 0
            self._picker.offer(_sample(position, notes), self._waiting.pop(position))

    def _seen(self, frame_count: int, tally: frames.Tally, still: av.video.frame.VideoFrame) -> Seen:
        kinds = findings.FindingKind
        end_seconds = float(frame_count / self._rate)
        black = findings.stretches(kinds.BLACK, self._black, end_seconds, findings.MIN_BLACK_SECONDS)
        frozen = findings.stretches(kinds.FROZEN, self._frozen, end_seconds, findings.MIN_FROZEN_SECONDS)
        return Seen(frame_count, tally, black, findings.without_black(frozen, black), still)


def _sample(position: int, notes: Mapping[str, str]) -> stills.FrameSample:
    def number(key: str) -> float:
        return float(notes.get(f"lavfi.{key}", 0))

    return stills.FrameSample(
        frame=position,
        blur=number("blur"),
        mean_luma=number("signalstats.YAVG"),
        contrast_luma=number("signalstats.YHIGH") - number("signalstats.YLOW"),
        cut_score=number("scd.score"),
    )
