"""The filter graph of a ladder: frames go in once, come out in each rung's size, and small for the checks."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import av.video.frame

from reelmesh_media.engine import filters, frames
from reelmesh_media.model import findings
from reelmesh_media.model.video import Size, even_size

CHECK_LONG_SIDE = 320
# Averages all it covers, and is four times cheaper here than interpolating.
CHECK_SCALER = "area"
SAMPLES_PER_SECOND = 6
BLACK_PIXEL_SHARE = 0.98
BLACK_PIXEL_LUMA = 0.10
FROZEN_NOISE = 0.001


class Branches:
    """Push frames, draw each rung's frames and the checked small ones.

    The small branch hangs on the smallest rung: scaling the little picture again is cheaper than scaling the big one.
    """

    def __init__(self, canvas: Size, rate: Fraction, sizes: Sequence[Size]) -> None:
        self._graph = filters.new_graph()
        self._source = filters.picture_source(self._graph, canvas, frames.PIXEL_FORMAT, 1 / rate)
        self._rungs: list[filters.Node] = []
        smallest = self._source
        output = 0
        if sizes:
            heads = filters.chain(self._graph, self._source, [("split", str(len(sizes)))])
            for index, size in enumerate(sizes):
                steps = [filters.scale(size)] if size != canvas else []
                head, head_output = filters.chain(self._graph, heads, steps, index), 0 if steps else index
                if index == len(sizes) - 1:
                    head, head_output = filters.chain(self._graph, head, [("split", "2")], head_output), 0
                    smallest, output = head, 1
                self._rungs.append(filters.chain(self._graph, head, [("buffersink", "")], head_output))
        checked = filters.chain(self._graph, smallest, [*_checks(check_size(canvas)), ("split", "2")], output)
        self._checked = filters.chain(self._graph, checked, [("buffersink", "")])
        self._sampled = filters.chain(self._graph, checked, _measures(sample_step(rate)), 1)
        self._graph.configure()

    def push(self, frame: av.video.frame.VideoFrame | None) -> None:
        """Put a frame in; None ends the stream."""
        self._source.push(frame)

    def rung(self, index: int) -> Iterator[av.video.frame.VideoFrame]:
        """The frames ready for a rung, in the order of `sizes`."""
        return _pictures(self._rungs[index])

    def checked(self) -> Iterator[av.video.frame.VideoFrame]:
        """The small frames ready, with the detectors' notes in their metadata."""
        return _pictures(self._checked)

    def sampled(self) -> Iterator[av.video.frame.VideoFrame]:
        """Every `sample_step`-th small frame ready, with its measures in its metadata."""
        return _pictures(self._sampled)


def sample_step(rate: Fraction) -> int:
    """Every how many frames one is measured: measuring costs more than all the detectors."""
    return max(1, round(rate / SAMPLES_PER_SECOND))


def check_size(canvas: Size) -> Size:
    """The size of the small branch: 320 pixels on the long side, never larger than the canvas."""
    scale = min(1.0, CHECK_LONG_SIDE / canvas.long_side)
    return even_size(canvas.width * scale, canvas.height * scale)


def _checks(size: Size) -> list[tuple[str, str]]:
    return [
        filters.scale(size, CHECK_SCALER),
        ("blackdetect", f"d=0:pic_th={BLACK_PIXEL_SHARE}:pix_th={BLACK_PIXEL_LUMA}"),
        ("freezedetect", f"n={FROZEN_NOISE}:d={findings.MIN_FROZEN_SECONDS}"),
        ("scdet", ""),
    ]


def _measures(step: int) -> list[tuple[str, str]]:
    return [("framestep", str(step)), ("blurdetect", ""), ("signalstats", ""), ("buffersink", "")]


def _pictures(sink: filters.Node) -> Iterator[av.video.frame.VideoFrame]:
    for frame in filters.drain(sink):
        if isinstance(frame, av.video.frame.VideoFrame):
            yield frame
