"""Which colours a film wears: chosen in OKLCH from the seed and the prompt's words, or taken from its images.

OKLab: Björn Ottosson, "A perceptual color space for image processing", 2020.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from reelmesh_provider_local.rendering.canvas import Colour

Lab = npt.NDArray[np.float32]

_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]],
    dtype=np.float32,
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]],
    dtype=np.float32,
)  # fmt: skip
_FROM_LMS = np.linalg.inv(_TO_LMS).astype(np.float32)
_FROM_LAB = np.linalg.inv(_TO_LAB).astype(np.float32)

# Words that name a light or a place pull the hue towards it (degrees in OKLCH). Only a hint: the seed still varies it.
HUE_HINTS: dict[str, float] = {
    "sunset": 45, "sunrise": 60, "dawn": 50, "golden": 80, "gold": 85, "desert": 65, "sand": 75, "autumn": 50,
    "fire": 38, "lava": 33, "flame": 40, "fox": 45, "red": 27, "rose": 10, "love": 8, "pink": 355, "flower": 350,
    "ocean": 235, "sea": 230, "wave": 225, "water": 225, "rain": 245, "river": 215, "blue": 255, "sky": 240,
    "snow": 240, "ice": 220, "winter": 245, "arctic": 210, "forest": 150, "tree": 145, "green": 145, "jungle": 150,
    "garden": 135, "moss": 130, "neon": 320, "cyberpunk": 330, "night": 275, "space": 285, "galaxy": 295,
    "star": 280, "purple": 305, "violet": 300, "magic": 310, "coffee": 55, "wood": 60, "honey": 80, "lemon": 105,
}  # fmt: skip
_HARMONIES: tuple[tuple[float, float, float], ...] = (
    (30.0, 60.0, 150.0),  # analogous with a far accent
    (-40.0, -75.0, 70.0),
    (55.0, 110.0, 170.0),
    (-25.0, 160.0, 190.0),  # two poles
    (20.0, -90.0, -120.0),
)
_SAMPLE_SIDE_PIXELS = 48


@dataclass(frozen=True, slots=True)
class Palette:
    """Roles, not names: `deep` → `body` → `glow` → `spark` is the light of the background; `ink` is read on it."""

    deep: Colour
    body: Colour
    glow: Colour
    spark: Colour
    accent: Colour
    ink: Colour

    def swatches(self) -> tuple[Colour, ...]:
        """The colours worth showing, dark to light."""
        return self.body, self.glow, self.spark, self.accent


def to_lab(rgb: npt.NDArray[np.float32]) -> Lab:
    """(..., 3) sRGB 0..1 → OKLab."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear.astype(np.float32) @ _TO_LMS.T) @ _TO_LAB.T


def from_lab(lab: Lab) -> npt.NDArray[np.float32]:
    """OKLab → (..., 3) sRGB, clipped to 0..1."""
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded.astype(np.float32)


def oklch(lightness: float, chroma: float, hue_degrees: float) -> Colour:
    """The sRGB colour with this lightness and hue, its chroma lowered until it can be shown."""
    angle = math.radians(hue_degrees)
    for _ in range(24):
        lab = np.array([lightness, chroma * math.cos(angle), chroma * math.sin(angle)], dtype=np.float32)
        linear = (_FROM_LAB @ lab) ** 3 @ _FROM_LMS.T
        if linear.min() >= -0.001 and linear.max() <= 1.001:
            break
        chroma *= 0.92
    red, green, blue = from_lab(lab).tolist()
    return red, green, blue


def from_words(prompt: str, rng: np.random.Generator) -> Palette:
    """A palette for a film without images: hue from the prompt's words where they name one, else from chance."""
    words = {word.strip(".,;:!?()\"'").lower() for word in prompt.split()}
    hints = [
        HUE_HINTS[word] for word in sorted(words | {word.removesuffix("s") for word in words}) if word in HUE_HINTS
    ]
    hue = hints[int(rng.integers(len(hints)))] + rng.normal(0, 8) if hints else rng.uniform(0, 360)
    near, far, accent = _HARMONIES[int(rng.integers(len(_HARMONIES)))]
    return Palette(
        deep=oklch(0.17, 0.055, hue),
        body=oklch(0.36, 0.125, hue),
        glow=oklch(0.56, 0.17, hue + near),
        spark=oklch(0.74, 0.15, hue + far),
        accent=oklch(0.84, 0.15, hue + accent),
        ink=oklch(0.98, 0.012, hue + near),
    )


def from_images(images: Sequence[Image.Image], rng: np.random.Generator) -> Palette:
    """A palette that belongs to the images: their main hue for the dark tones, their liveliest for the accent."""
    pixels = np.concatenate([_samples(image) for image in images])
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    hues = np.degrees(np.arctan2(pixels[:, 2], pixels[:, 1])) % 360
    histogram, _ = np.histogram(hues, bins=36, range=(0, 360), weights=chroma)
    main = float(np.argmax(_smoothed(histogram)) * 10 + 5)
    away = np.abs((hues - main + 180) % 360 - 180) > 40
    lively = pixels[np.argsort(chroma * (1 + away))[-max(8, len(pixels) // 100) :]]
    accent = float(np.degrees(np.arctan2(lively[:, 2].mean(), lively[:, 1].mean())) % 360)
    strength = float(min(1.0, np.percentile(chroma, 90) / 0.11))
    near = float(rng.uniform(15, 35))
    return Palette(
        deep=oklch(0.16, 0.05 * strength, main),
        body=oklch(0.36, 0.11 * strength, main),
        glow=oklch(0.58, 0.15 * strength, main + near),
        spark=oklch(0.76, 0.13 * strength, accent - near),
        accent=oklch(0.84, 0.02 + 0.14 * strength, accent),
        ink=oklch(0.98, 0.01 * strength, main),
    )


def _samples(image: Image.Image) -> Lab:
    small = image.convert("RGB").resize((_SAMPLE_SIDE_PIXELS, _SAMPLE_SIDE_PIXELS), Image.Resampling.BOX)
    return to_lab(np.asarray(small, dtype=np.float32).reshape(-1, 3) / 255)


def _smoothed(histogram: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return histogram + 0.6 * (np.roll(histogram, 1) + np.roll(histogram, -1))
