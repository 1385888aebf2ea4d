"""Backgrounds made of light: drifting fields of colour, mixed in OKLab on a coarse grid and enlarged smoothly.

The grid is computed in floats and enlarged from 16 bits, so that wide gradients do not band.
"""

import math
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter
from reelmesh_lettering import palette

from reelmesh_provider_local.rendering import canvas, frames

Field = canvas.Floats

GRID_CELLS = 13_000
GRAIN_DEVIATION = 0.9
GRAIN_REACH = 64


@dataclass(frozen=True, slots=True)
class Light:
    """A soft light on a Lissajous path: centre and reach in half-heights of the frame, rates in radians per second."""

    colour: canvas.Floats
    x: float
    y: float
    sway_x: float
    sway_y: float
    rate_x: float
    rate_y: float
    phase: float
    reach: float
    weight: float


class Backdrop:
    """The generated background of one film.

    Args:
        size: (width, height) of the frame in pixels.
        colours: the film's palette.
        quiet: where titles stand, as (x, y) in -1..1 of the frame: lights keep away from it.
    """

    def __init__(
        self, size: tuple[int, int], colours: palette.Palette, quiet: tuple[float, float], rng: np.random.Generator
    ) -> None:
        self._size = size
        self._scaler = VideoReformatter()
        self._aspect = size[0] / size[1]
        columns = max(16, 2 * round(math.sqrt(GRID_CELLS * self._aspect) / 2))
        rows = max(16, 2 * round(math.sqrt(GRID_CELLS / self._aspect) / 2))
        self._y, self._x = np.meshgrid(
            np.linspace(-1, 1, rows, dtype=np.float32),
            np.linspace(-self._aspect, self._aspect, columns, dtype=np.float32),
            indexing="ij",
        )
        self._ground = palette.to_lab(np.array(colours.deep, dtype=np.float32))
        self._lights = _lights(colours, self._aspect, quiet, rng)
        self._angle = float(rng.uniform(0, math.pi))
        self._folds = float(rng.uniform(1.4, 2.6))
        self._vignette = _vignette(self._x / max(1.0, self._aspect), self._y / max(1.0, 1 / self._aspect))

    def at(self, seconds: float) -> canvas.Canvas:
        """The background at a moment of the film."""
        lab = self._mixed(seconds)
        lab[..., 0] *= self._vignette
        lab[..., 1:] *= (0.4 + 0.6 * self._vignette)[..., None]
        return self._enlarged(palette.from_lab(lab))

    def _mixed(self, seconds: float) -> Field:
        x, y = self._warped(seconds)
        total = np.full(x.shape, 0.5, dtype=np.float32)
        lab = self._ground * total[..., None]
        for light in self._lights:
            centre_x = light.x + light.sway_x * math.sin(light.rate_x * seconds + light.phase)
            centre_y = light.y + light.sway_y * math.cos(light.rate_y * seconds + light.phase * 1.7)
            near = light.weight * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * light.reach**2))
            lab += near[..., None] * light.colour
            total += near
        return lab / total[..., None]

    def _warped(self, seconds: float) -> tuple[Field, Field]:
        """Coordinates bent by slow folds, which turn round lights into silk."""
        cosine, sine = math.cos(self._angle), math.sin(self._angle)
        along = self._x * cosine + self._y * sine
        across = self._y * cosine - self._x * sine
        fold = np.sin(along * self._folds + 0.35 * seconds + 0.8 * np.sin(across * 1.7 - 0.22 * seconds))
        bend = np.float32(0.24) * fold
        return self._x - bend * sine, self._y + bend * cosine

    def _enlarged(self, rgb: Field) -> canvas.Canvas:
        planes = canvas.split_luma(rgb)
        coarse = np.stack([np.clip(plane * 256, 0, 65535).astype(np.uint16) for plane in planes], axis=-1)
        frame = av.VideoFrame.from_ndarray(coarse, format="yuv444p16le")
        large = self._scaler.reformat(
            frame, self._size[0], self._size[1], "yuv420p", interpolation=Interpolation.BICUBIC
        )
        return frames.to_canvas(large)


def _vignette(x: Field, y: Field) -> Field:
    return (1 - 0.34 * np.clip((x * x + y * y) / 2, 0, 1) ** 1.2).astype(np.float32)


def _lights(
    colours: palette.Palette, aspect: float, quiet: tuple[float, float], rng: np.random.Generator
) -> tuple[Light, ...]:
    """Two wide washes, two lights and a spark around the frame; the bright ones opposite the titles."""
    # Role: colour, weight, reach, distance from the centre, angle from the side opposite the titles.
    roles = (
        (colours.body, 1.3, 1.0, 0.35, math.pi * 0.75),
        (colours.body, 1.0, 0.75, 0.8, -math.pi * 0.6),
        (colours.glow, 1.5, 0.62, 0.75, 0.5),
        (colours.glow, 1.0, 0.5, 0.95, -0.75),
        (colours.spark, 1.5, 0.44, 0.98, -0.1),
    )
    centred = quiet == (0.0, 0.0)
    side = float(rng.uniform(0, math.tau)) if centred else math.atan2(-quiet[1] - 0.4, -quiet[0])
    handed = 1.0 if rng.random() < 0.5 else -1.0
    return tuple(
        Light(
            palette.to_lab(np.array(colour, dtype=np.float32)),
            x=math.cos(side + handed * angle) * distance * aspect,
            y=math.sin(side + handed * angle) * distance,
            sway_x=float(rng.uniform(0.2, 0.42)) * aspect**0.5,
            sway_y=float(rng.uniform(0.2, 0.42)),
            rate_x=float(rng.uniform(0.28, 0.55)),
            rate_y=float(rng.uniform(0.25, 0.5)),
            phase=float(rng.uniform(0, math.tau)),
            reach=reach * float(rng.uniform(0.9, 1.15)) * max(1.0, aspect**0.5),
            weight=weight,
        )
        for colour, weight, reach, distance, angle in roles
    )


class Grain:
    """Film grain for a frame size: one texture, shown at another offset in each frame."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._size = size
        shape = (size[1] + GRAIN_REACH, size[0] + GRAIN_REACH)
        noise = rng.standard_normal(shape, dtype=np.float32) * GRAIN_DEVIATION
        self._texture = np.clip(np.rint(noise), -6, 6).astype(np.int8)
        self._offsets = rng.integers(0, GRAIN_REACH, size=(97, 2))

    def at(self, frame: int) -> npt.NDArray[np.int8]:
        """(height, width) of small signed steps of luma."""
        x, y = self._offsets[frame % len(self._offsets)]
        return self._texture[y : y + self._size[1], x : x + self._size[0]]
