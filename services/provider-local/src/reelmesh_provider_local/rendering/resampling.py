"""Scales planes with FFmpeg's scaler, which is several times as fast as Pillow's, to a fraction of a pixel.

The scaler only knows whole pixels. But a box of whole pixels that is a little larger than the wanted one, scaled to a
size of whole pixels, of which a part is cut out: among some hundreds of such triples one meets the wanted position and
zoom to a few hundredths of a pixel. Only where nearly nothing is scaled do all of them stand off alike; there Pillow
does it.
"""

import math
from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from reelmesh_provider_local.rendering import planes

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the source, fractions allowed."""

SPREAD = 20
MARGIN = SPREAD + 6
WORST_OFFSET_PIXELS = 0.12
# Equal results on every processor.
_SAME = Interpolation.BITEXACT
SOFT = Interpolation.BILINEAR
CRISP = Interpolation.BICUBIC
_PILLOW = {SOFT: Image.Resampling.BILINEAR, CRISP: Image.Resampling.BICUBIC}


@dataclass(frozen=True, slots=True)
class Axis:
    """What to do along one axis: take `length` pixels from `start` on, scale them to `scaled`, drop the first `cut`.

    `offset` is by how many pixels of the source the worst pixel of the result then stands off.
    """

    start: int
    length: int
    scaled: int
    cut: int
    offset: float


class Source:
    """A plane ready to be seen through many boxes, its edges continued outwards."""

    def __init__(self, plane: planes.Plane) -> None:
        self.plane = plane
        # One row more than anybody sees: the scaler reads a little beyond the end of a row.
        self._wide = np.pad(plane, ((MARGIN, MARGIN + 1), (MARGIN, MARGIN)), mode="edge")
        self._scaler = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.plane.shape[1], self.plane.shape[0]

    def seen(self, box: Box, size: tuple[int, int], way: Interpolation = SOFT) -> planes.Plane:
        """What stands in a box, scaled to `size` (width, height); an array of its own."""
        if box == (0, 0, *size) and self.size == size:
            return self.plane.copy()
        across = fit(box[0], box[2] - box[0], size[0], self.plane.shape[1])
        down = fit(box[1], box[3] - box[1], size[1], self.plane.shape[0])
        if max(across.offset, down.offset) > WORST_OFFSET_PIXELS:
            return np.array(Image.fromarray(self.plane).resize(size, _PILLOW[way], box=box))
        rows = self._wide[MARGIN + down.start :][: down.length, MARGIN + across.start :][:, : across.length]
        frame = av.VideoFrame.from_numpy_buffer(rows, format="gray")
        scaled = self._scaler.reformat(frame, across.scaled, down.scaled, "gray", interpolation=way | _SAME, threads=1)
        return planes.rows(scaled.planes[0])[down.cut :][: size[1], across.cut :][:, : size[0]]


def fit(start: float, length: float, size: int, extent: int) -> Axis:
    """The nearest way in whole pixels to show `length` of `extent` pixels, from `start` on, as `size` pixels."""
    step = length / size
    lengths = math.ceil(length) + 2 + np.arange(SPREAD)
    scaled = np.rint(lengths / step)
    steps = lengths / scaled
    cuts = np.arange(SPREAD)
    leads = (cuts + 0.5) * steps[:, None]
    wanted = start + step / 2
    starts = np.rint(wanted - leads)
    first = np.abs(starts + leads - wanted)
    last = np.abs(starts + leads - wanted + ((steps - step) * (size - 1))[:, None])
    offsets = np.maximum(first, last)
    outside = (starts < -MARGIN) | (starts + lengths[:, None] > extent + MARGIN)
    offsets[outside | (cuts + size > scaled[:, None])] = math.inf
    row, column = divmod(int(np.argmin(offsets)), SPREAD)
    return Axis(
        start=int(starts[row, column]),
        length=int(lengths[row]),
        scaled=int(scaled[row]),
        cut=int(cuts[column]),
        offset=float(offsets[row, column]),
    )
