"""The picture under construction: one planar 4:2:0 frame (BT.709, limited range) and the few ways to draw on it.

Working in the encoder's own planes spares a colour conversion per frame and halves the pixels of every camera move.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from reelmesh_provider_local.rendering import resampling

Plane = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.uint16]
"""0..256: how much of something there is, with room for a product with eight bits."""
Floats = npt.NDArray[np.floating[Any]]
Colour = tuple[float, float, float]
"""sRGB, each 0..1."""

FULL = np.uint16(256)
HALF = np.uint16(128)
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


@dataclass(frozen=True)
class Sprite:
    """A drawing to be laid over a canvas: an opacity mask and either one colour or a plane per component, all one size.

    The outermost two pixels of the mask are transparent, so that the sprite can be placed between pixels. A `soft` one
    has no detail to lose and is resampled the cheap way. Sprites have `density` pixels for one of the canvas; one that
    has a quarter more is never enlarged, and never meets the scale of 1 at which resampling is dear.
    """

    mask: Image.Image
    inks: tuple[Image.Image | float, Image.Image | float, Image.Image | float]
    soft: bool = False
    density: float = 1.0

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) in pixels of the canvas."""
        return self.mask.width / self.density, self.mask.height / self.density

    @functools.cached_property
    def sources(self) -> tuple[resampling.Source, tuple[resampling.Source | float, ...]]:
        """The mask and the inks, ready to be seen at any place and scale."""
        inks = (resampling.Source(np.asarray(ink)) if isinstance(ink, Image.Image) else ink for ink in self.inks)
        return resampling.Source(np.asarray(self.mask)), tuple(inks)


@dataclass(frozen=True, slots=True)
class Shade:
    """Light that falls on a picture, prepared: 0..255 for each pixel of luma and of chroma, and what keeps black."""

    luma: Weights
    luma_floor: Weights
    chroma: Weights
    chroma_floor: Weights

    @classmethod
    def of(cls, light: Plane) -> "Shade":
        """Prepare (height, width) of 0..255."""
        luma = light.astype(np.uint16)
        chroma = luma[::2, ::2].copy()
        # Eight bits times eight, and what is left of 256 times the neutral level: never more than 16 bits.
        return cls(luma, 16 * (256 - luma), chroma, 128 * (256 - chroma))


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

    def shade(self, light: Shade) -> None:
        """Multiply the light falling on the picture; colours pale as they darken."""
        _shade(self.luma, light.luma, light.luma_floor)
        for plane in (self.cb, self.cr):
            _shade(plane, light.chroma, light.chroma_floor)

    def grain(self, noise: npt.NDArray[np.int8]) -> None:
        """Add film grain to the luma; |noise| stays under 16, so limited-range luma cannot wrap around."""
        np.add(self.luma, noise.view(np.uint8), out=self.luma)

    def place(self, sprite: Sprite, left: float, top: float, opacity: float, scale: float = 1.0) -> None:
        """Lay a sprite with its top left corner at fractional pixels; what leaves the canvas is cut off."""
        width, height = sprite.size
        spot = _even_box(left, top, left + width * scale, top + height * scale, self.size)
        if spot is None or opacity <= 0:
            return
        x0, y0, x1, y1 = spot
        grown = scale / sprite.density
        box = ((x0 - left) / grown, (y0 - top) / grown, (x1 - left) / grown, (y1 - top) / grown)
        way = resampling.SOFT if sprite.soft else resampling.CRISP
        size = (x1 - x0, y1 - y0)
        mask, inks = sprite.sources
        seen = [ink.seen(box, size, way) if isinstance(ink, resampling.Source) else round(ink) for ink in inks]
        self._ink(spot, _weights(mask.seen(box, size, way), opacity), seen)

    def fill(self, box: tuple[float, float, float, float], colour: Colour, opacity: float) -> None:
        """Fill a rectangle (left, top, right, bottom; fractional pixels, anti-aliased)."""
        spot = _even_box(box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2, self.size)
        if spot is None or opacity <= 0 or box[2] <= box[0]:
            return
        x0, y0, x1, y1 = spot
        cover = np.outer(_coverage(y0, y1, box[1], box[3]), _coverage(x0, x1, box[0], box[2]))
        weights = np.rint(cover * (opacity * FULL)).astype(np.uint16)
        self._ink(spot, weights, [round(part) for part in colour_code(colour)])

    def _ink(self, spot: tuple[int, int, int, int], weights: Weights, inks: Sequence[Plane | int]) -> None:
        x0, y0, x1, y1 = spot
        _mix(self.luma[y0:y1, x0:x1], weights, inks[0])
        half = _halved(weights)
        for plane, ink in ((self.cb, inks[1]), (self.cr, inks[2])):
            small = ink if isinstance(ink, int) else _halved(ink.astype(np.uint16))
            _mix(plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2], half, small)


def _shade(plane: Plane, light: Weights, floor: Weights) -> None:
    lit = np.multiply(plane, light, dtype=np.uint16)
    lit += floor
    np.right_shift(lit, 8, out=plane, casting="unsafe")


def _weights(mask: Plane, opacity: float) -> Weights:
    """A mask of 0..255 as weights of 0..256."""
    weights = np.multiply(mask, np.uint16(round(opacity * FULL)), dtype=np.uint16)
    weights >>= 8
    weights += weights >> 7
    return weights


def _mix(target: Plane, weights: Weights, ink: Plane | Weights | int) -> None:
    """Move a plane towards an ink; eight bits times 256 just fit in sixteen."""
    mixed = np.multiply(target, FULL - weights, dtype=np.uint16)
    mixed += np.multiply(weights, ink, dtype=np.uint16)
    mixed += np.minimum(weights, HALF)
    np.right_shift(mixed, 8, out=target, casting="unsafe")


def _halved(plane: Weights) -> Weights:
    total = plane[::2, ::2] + plane[1::2, ::2]
    total += plane[::2, 1::2]
    total += plane[1::2, 1::2]
    total += 2
    total >>= 2
    return total


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
