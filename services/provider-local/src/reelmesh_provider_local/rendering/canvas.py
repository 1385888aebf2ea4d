"""The picture under construction: one planar 4:2:0 frame (BT.709, limited range) and the few ways to draw on it.

Working in the encoder's own planes spares a colour conversion per frame and halves the pixels of every camera move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
"""sRGB, each 0..1."""

_KR, _KB = 0.2126, 0.0722
_KG = 1.0 - _KR - _KB


def split_luma(rgb: Floats) -> tuple[Floats, ...]:
    """(..., 3) sRGB 0..1 → Y 16..235, Cb and Cr 16..240, as floats."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = _KR * red + _KG * green + _KB * blue
    cb = (blue - luma) / (2 * (1 - _KB))
    cr = (red - luma) / (2 * (1 - _KR))
    return 16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr


def colour_code(colour: Colour) -> tuple[float, float, float]:
    """(Y, Cb, Cr) of one sRGB colour."""
    luma, cb, cr = split_luma(np.asarray(colour, dtype=np.float32))
    return float(luma), float(cb), float(cr)


def component_planes(image: Image.Image) -> tuple[Image.Image, Image.Image, Image.Image]:
    """An RGB picture as Y, Cb and Cr pictures of the same size."""
    luma, cb, cr = (
        Image.fromarray((plane + 0.5).astype(np.uint8))
        for plane in split_luma(np.asarray(image.convert("RGB"), dtype=np.float32) / 255)
    )
    return luma, cb, cr


@dataclass(frozen=True, slots=True)
class Sprite:
    """A drawing to be laid over a canvas: an opacity mask and either one colour or a plane per component, all one size.

    The outermost two pixels of the mask are transparent, so that the sprite can be placed between pixels. A `soft` one
    has no detail to lose and is resampled the cheap way. Sprites are drawn at their smallest and grow: enlarging by a
    little costs half as much as shrinking.
    """

    mask: Image.Image
    inks: tuple[Image.Image | float, Image.Image | float, Image.Image | float]
    soft: bool = False


@dataclass(slots=True)
class Canvas:
    """Y (height, width), Cb and Cr (height/2, width/2), all uint8 and owned by this canvas."""

    luma: Plane
    cb: Plane
    cr: Plane

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.luma.shape[1], self.luma.shape[0]

    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Y, Cb, Cr."""
        return self.luma, self.cb, self.cr

    def blend(self, other: "Canvas", amount: float) -> None:
        """Move this picture towards another of the same size: 0 leaves it, 1 replaces it."""
        weight = np.int16(round(amount * 128))
        if weight <= 0:
            return
        for mine, theirs in zip(self.planes(), other.planes(), strict=True):
            # 255 * 128 just fits in 16 bits, which keeps the vector units full.
            difference = theirs.astype(np.int16) - mine
            np.add(mine, (difference * weight + 64) >> 7, out=mine, casting="unsafe")

    def shade(self, light: Plane) -> None:
        """Multiply the light falling on the picture: (height, width) of 0..255; colours pale as they darken."""
        # Eight bits of light times a signed colour difference just fit in 16 bits.
        strength = light.astype(np.int16)
        np.add(
            ((self.luma.astype(np.uint16) - 16) * strength.view(np.uint16)) >> 8, 16, out=self.luma, casting="unsafe"
        )
        half = strength[::2, ::2]
        for plane in (self.cb, self.cr):
            np.add(((plane.astype(np.int16) - 128) * half) >> 8, 128, out=plane, casting="unsafe")

    def grain(self, noise: npt.NDArray[np.int8]) -> None:
        """Add film grain to the luma; |noise| stays under 16, so limited-range luma cannot wrap around."""
        np.add(self.luma, noise.view(np.uint8), out=self.luma)

    def place(self, sprite: Sprite, left: float, top: float, opacity: float, scale: float = 1.0) -> None:
        """Lay a sprite with its top left corner at fractional pixels; what leaves the canvas is cut off."""
        width, height = sprite.mask.size
        spot = _even_box(left, top, left + width * scale, top + height * scale, self.size)
        if spot is None or opacity <= 0:
            return
        x0, y0, x1, y1 = spot
        box = ((x0 - left) / scale, (y0 - top) / scale, (x1 - left) / scale, (y1 - top) / scale)
        way = Image.Resampling.BILINEAR if sprite.soft else Image.Resampling.BICUBIC
        mask = _resampled(sprite.mask, (x1 - x0, y1 - y0), box, way) * np.float32(opacity / 255)
        inks = [
            _resampled(ink, (x1 - x0, y1 - y0), box, way) if isinstance(ink, Image.Image) else ink
            for ink in sprite.inks
        ]
        self._ink((x0, y0, x1, y1), mask, inks)

    def fill(self, box: tuple[float, float, float, float], colour: Colour, opacity: float) -> None:
        """Fill a rectangle (left, top, right, bottom; fractional pixels, anti-aliased)."""
        spot = _even_box(box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2, self.size)
        if spot is None or opacity <= 0 or box[2] <= box[0]:
            return
        x0, y0, x1, y1 = spot
        columns = _coverage(x0, x1, box[0], box[2])
        rows = _coverage(y0, y1, box[1], box[3])
        self._ink(spot, np.outer(rows, columns) * np.float32(opacity), list(colour_code(colour)))

    def _ink(
        self,
        spot: tuple[int, int, int, int],
        mask: Floats,
        inks: Sequence[Floats | float],
    ) -> None:
        x0, y0, x1, y1 = spot
        _mix(self.luma[y0:y1, x0:x1], mask, inks[0])
        half = _halved(mask)
        for plane, ink in ((self.cb, inks[1]), (self.cr, inks[2])):
            small = _halved(ink) if isinstance(ink, np.ndarray) else ink
            _mix(plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2], half, small)


def _mix(target: Plane, mask: Floats, ink: Floats | float) -> None:
    target[:] = target + (np.float32(ink) - target) * mask + np.float32(0.5)


def _halved(plane: Floats) -> Floats:
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) * np.float32(0.25)


def _resampled(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float], way: Image.Resampling
) -> Floats:
    return np.asarray(image.resize(size, way, box=box), dtype=np.float32)


def _coverage(start: int, stop: int, low: float, high: float) -> Floats:
    edges = np.arange(start, stop, dtype=np.float32)
    return np.clip(np.minimum(edges + 1, high) - np.maximum(edges, low), 0, 1)


def _even_box(
    left: float, top: float, right: float, bottom: float, size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """The largest box of even pixels inside both the given one and the canvas; None where nothing is left."""
    x0 = max(0, 2 * int(np.ceil(left / 2)))
    y0 = max(0, 2 * int(np.ceil(top / 2)))
    x1 = min(size[0], 2 * int(np.floor(right / 2)))
    y1 = min(size[1], 2 * int(np.floor(bottom / 2)))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None
