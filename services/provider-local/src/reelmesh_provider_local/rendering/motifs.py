"""One crisp shape per film against its soft background: a disc, rings, slats or a field of dots, slowly drifting."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from reelmesh_lettering import palette

from reelmesh_provider_local.rendering import canvas

Drawing = Callable[[canvas.Floats, canvas.Floats, float], canvas.Floats]
"""From coordinates in -1..1 and the width of a pixel there to coverage 0..1."""

DIAMETER_PART = 0.8
"""Of the frame's shorter side, at the beginning."""
GROWTH = 0.09
# Larger than the most that it grows, so that it is never enlarged.
DENSITY = 1.25


@dataclass(frozen=True, slots=True)
class Motif:
    """A shape and its path: the centre in pixels, the drift in pixels per second, growth per second."""

    sprite: canvas.Sprite
    x: float
    y: float
    drift_x: float
    drift_y: float
    opacity: float

    def draw(self, picture: canvas.Canvas, seconds: float, duration_seconds: float) -> None:
        """Lay the shape over the background; it crosses its middle position half-way through the film."""
        away = seconds - duration_seconds / 2
        scale = 1 + GROWTH * seconds / duration_seconds
        width, height = self.sprite.size
        x = self.x + self.drift_x * away - width * scale / 2
        y = self.y + self.drift_y * away - height * scale / 2
        picture.place(self.sprite, x, y, self.opacity, scale)


def choose(
    size: tuple[int, int],
    quiet: tuple[float, float],
    colours: palette.Palette,
    duration_seconds: float,
    rng: np.random.Generator,
) -> Motif:
    """A seeded motif; behind centred titles only open shapes, elsewhere opposite the titles.

    Args:
        size: (width, height) of the frame in pixels.
        quiet: where titles stand, as (x, y) in -1..1 of the frame.
    """
    centred = quiet == (0.0, 0.0)
    drawing, opacity = _OPEN[int(rng.integers(len(_OPEN)))] if centred else _ALL[int(rng.integers(len(_ALL)))]
    short = min(size)
    x, y = (0.5, 0.5) if centred else (0.74, 0.44) if size[0] > size[1] else (0.62, 0.3)
    if quiet[0] > 0:
        x = 1 - x
    reach = short * 0.05 / max(4.0, duration_seconds)
    return Motif(
        sprite=canvas.Sprite(
            _drawn(drawing, round(short * DIAMETER_PART * DENSITY)),
            canvas.colour_code(colours.spark),
            soft=True,
            density=DENSITY,
        ),
        x=x * size[0],
        y=y * size[1],
        drift_x=0.0 if centred else float(rng.uniform(-1, 1)) * reach,
        drift_y=0.0 if centred else -float(rng.uniform(0.6, 1.4)) * reach,
        opacity=opacity,
    )


def _drawn(drawing: Drawing, side: int) -> Image.Image:
    axis = np.linspace(-1.02, 1.02, side, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    cover = np.clip(drawing(x, y, 2.04 / side), 0, 1)
    cover[:3] = cover[-3:] = 0
    cover[:, :3] = cover[:, -3:] = 0
    return Image.fromarray((cover * 255 + 0.5).astype(np.uint8))


def _edge(distance: canvas.Floats, pixel: float) -> canvas.Floats:
    """Anti-aliased inside of a signed distance (negative inside)."""
    return np.clip(0.5 - distance / pixel, 0, 1)


def _disc(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """A sun that dissolves towards the horizon."""
    radius = np.hypot(x, y)
    return _edge(radius - 0.98, pixel) * (0.92 * np.clip((0.95 - y) / 1.9, 0, 1) ** 1.4)


def _eclipse(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """A thin crescent of light around a dark disc."""
    radius = np.hypot(x, y)
    rim = np.exp(-np.abs(radius - 0.97) / 0.16) * _edge(radius - 0.97, pixel)
    return rim * (0.08 + 0.92 * np.clip((x - y + 0.5) / 1.9, 0, 1) ** 1.6)


def _rings(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """Concentric hairlines, fainter to one side."""
    radius = np.hypot(x, y)
    cover = np.zeros_like(radius)
    for index in range(6):
        line = np.abs(radius - (0.98 - 0.13 * index)) - max(0.0032, pixel * 0.6)
        cover = np.maximum(cover, _edge(line, pixel) * (1 - 0.13 * index))
    angle = np.arctan2(y, x)
    return cover * (0.3 + 0.7 * (0.5 + 0.5 * np.cos(angle + math.pi / 3)) ** 1.5)


def _ring(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """One open circle, brighter where the light comes from."""
    radius = np.hypot(x, y)
    line = _edge(np.abs(radius - 0.97) - 0.007, pixel)
    return line * (0.18 + 0.82 * np.clip((1 - y + 0.4 * x) / 2, 0, 1) ** 2)


def _slats(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """A disc cut into horizontal slats that thin out downwards."""
    inside = _edge(np.hypot(x, y) - 0.98, pixel)
    rows = (y + 1) * 5.5
    nearest = np.abs(rows - np.floor(rows) - 0.5) / 5.5
    half = (0.088 - 0.078 * np.clip((y + 1) / 2, 0, 1)).astype(np.float32)
    return inside * _edge(nearest - half, pixel) * (0.9 - 0.35 * (y + 1) / 2)


def _dots(x: canvas.Floats, y: canvas.Floats, pixel: float) -> canvas.Floats:
    """A halftone disc: dots that grow towards the light."""
    cells = 13.0
    cell_x, cell_y = np.floor(x * cells) + 0.5, np.floor(y * cells) + 0.5
    radius = np.hypot(cell_x, cell_y) / cells
    light = np.clip((1.1 - cell_y / cells + 0.5 * cell_x / cells) / 2.4, 0, 1)
    dot = np.hypot(x * cells - cell_x, y * cells - cell_y) / cells
    return _edge(dot - 0.035 * light, pixel) * (radius < 0.98)


_OPEN: tuple[tuple[Drawing, float], ...] = ((_rings, 0.4), (_ring, 0.75), (_eclipse, 0.5))
_ALL: tuple[tuple[Drawing, float], ...] = (
    (_disc, 0.72),
    (_eclipse, 0.85),
    (_rings, 0.6),
    (_slats, 0.6),
    (_dots, 0.7),
)
